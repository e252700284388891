#include <heddle/core/slot_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;

TEST_CASE("a table of slots holds what was added and not forgotten, under numbers that rise") {
  test::dice d{1};
  slot_table<std::string> table;
  std::map<std::uint32_t, std::string> there;
  std::set<const std::string*> cells;
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    if (there.empty() || (there.size() < 50 && d.chance(.5))) {
      const std::string text(d.index(40), 'x');
      const std::uint32_t slot = table.add(text);
      REQUIRE(slot == table.size() - 1);
      there[slot] = text;
      most = std::max(most, there.size());
    } else {
      auto at = there.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(d.index(there.size())));
      table.forget(at->first);
      REQUIRE_FALSE(table.holds(at->first));
      there.erase(at);
    }
    if (i % 64 != 0) continue;
    std::vector<std::string> all;
    table.for_each([&](std::string& s) { all.push_back(s); });
    std::vector<std::string> wanted;
    for (const auto& [slot, text] : there) {
      REQUIRE(table.holds(slot));
      REQUIRE(table[slot] == text);
      wanted.push_back(text);
    }
    REQUIRE(all == wanted);
  }
  // What is forgotten makes room: far fewer places than things.
  cells.clear();
  for (const auto& [slot, text] : there) cells.insert(&table[slot]);
  CHECK(table.size() > 5000);
  CHECK(*cells.rbegin() - *cells.begin() < static_cast<std::ptrdiff_t>(most));
  CHECK_FALSE(table.holds(static_cast<std::uint32_t>(table.size())));
}
