// expect: each policy of a chain places a request on a ledger
// A chain is made of placement policies; a number is none.
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
place::first_of<place::one_leaf, place::packed> chain;
#else
place::first_of<place::one_leaf, int> chain;
#endif

int main() {}
