// expect: a ledger is of a fabric
// A ledger is of a fabric: hosts alone do not say in which book their links are kept.
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/ledger.hpp>

using namespace heddle;

struct mine {
#ifdef HEDDLE_MAKE_VALID
  using book = fabric::no_links;
#endif
  fabric::hosts servers{4, 2, 8};

  const fabric::hosts& hosts() const { return servers; }
  fabric::equipment equipment() const { return {}; }
  friend bool operator==(const mine&, const mine&) = default;
};

int main() {
  fabric::ledger<mine> free{mine{}};
  return free.free_gpus() == 64 ? 0 : 1;
}
