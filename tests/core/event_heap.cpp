#include <heddle/core/event_heap.hpp>

#include <cstddef>
#include <cstdint>
#include <map>

#include <doctest/doctest.h>

#include <heddle/core/random.hpp>

using heddle::event_heap;

TEST_CASE("an event heap without events is empty") {
  event_heap h;
  CHECK(h.empty());
  CHECK(!h.contains(3));
  h.erase(3);
  CHECK(h.empty());
}

TEST_CASE("of events at one time the smallest slot comes first, however they came in") {
  event_heap h;
  for (std::uint32_t slot : {7u, 2u, 9u, 4u}) h.set(slot, 10);
  h.set(5, 3);
  for (std::uint32_t slot : {5u, 2u, 4u, 7u, 9u}) {
    CHECK(h.top().slot == slot);
    h.erase(slot);
  }
  CHECK(h.empty());
}

TEST_CASE("an event heap agrees with a sorted map when events come, move both ways and go") {
  heddle::stream random(42, 0, "events");
  event_heap h;
  std::map<std::uint32_t, double> times;
  for (int step = 0; step < 20000; ++step) {
    const auto slot = static_cast<std::uint32_t>(random() % 200);
    if (random() % 3 == 0) {
      h.erase(slot);
      times.erase(slot);
    } else {
      const auto at = static_cast<double>(random() % 50);
      h.set(slot, at);
      times[slot] = at;
    }
    REQUIRE(h.size() == times.size());
    REQUIRE(h.contains(slot) == times.contains(slot));
    if (times.empty()) continue;
    event_heap::event first{times.begin()->second, times.begin()->first};
    for (const auto& [s, t] : times)
      if (event_heap::event{t, s}.before(first)) first = {t, s};
    REQUIRE(h.top().slot == first.slot);
    REQUIRE(h.top().time_s == first.time_s);
  }
}
