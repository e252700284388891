// expect: each policy of a chain places a request on a ledger
// An order puts jobs in a row and places none.
#include <heddle/order/order.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  place::first_of chain{place::one_server{}, place::packed{}};
#else
  place::first_of chain{place::one_server{}, order::fifo{}};
#endif
  const fabric::ledger free{fabric::leaf_spine{{}}};
  return chain(free, {.job = job_id{0}, .gpus = 1}) ? 0 : 1;
}
