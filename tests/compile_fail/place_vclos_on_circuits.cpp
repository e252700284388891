// expect: vclos
// A ledger of circuits is not one of fixed links.
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/vclos.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
using mine = place::ocs_vclos;
#else
using mine = place::vclos;
#endif

int main() {
  const fabric::ledger free{fabric::leaf_spine_ocs{{}}};
  return mine{}(free, {.job = job_id{0}, .gpus = 4}) ? 0 : 1;
}
