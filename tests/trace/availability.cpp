#include <heddle/trace/availability.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/dice.hpp"
#include "support/reader_samples.hpp"
#include "support/refusal.hpp"
#include "support/shared_data.hpp"

using namespace heddle;
using trace::availability;
using trace::failure_process;

namespace {

availability read(const std::string& text) {
  std::istringstream in(text);
  return trace::read_availability(in, "a.csv");
}
std::string refusal(const std::string& text) {
  return test::refusal_of([&] { return read(text); });
}
// Nodes that are up, checking that each event changes its node and time does not run back.
class replay {
 public:
  explicit replay(const availability& a)
      : up_(a.nodes, a.up_at_start), there_(a.up_at_start ? a.nodes : 0) {}
  void apply(const node_event& e) {
    REQUIRE(e.time_s >= now_s_);
    REQUIRE(e.node < up_.size());
    REQUIRE(up_[e.node] != e.up);
    now_s_ = e.time_s;
    up_[e.node] = e.up;
    there_ += e.up ? 1 : std::size_t(-1);
  }
  [[nodiscard]] std::size_t there() const { return there_; }

 private:
  std::vector<bool> up_;
  std::size_t there_ = 0;
  double now_s_ = 0;
};

}  // namespace

TEST_CASE("nodes that join and leave are numbered from 0 and timed in seconds") {
  const auto a = read(std::string(test::availability_sample));
  CHECK(a.nodes == 4);
  CHECK_FALSE(a.up_at_start);
  CHECK(a.events == std::vector<node_event>{{0, 0, true},
                                            {0, 1, true},
                                            {0.5, 2, true},
                                            {60, 1, false},
                                            {60, 3, true},
                                            {90, 0, false},
                                            {120, 1, true}});
}

TEST_CASE("rows of availability may stand in any order") {
  CHECK(read("node,event,t_ms\n1,remove,5\n0,add,1\n1,add,0\n").events ==
        std::vector<node_event>{{0, 1, true}, {0.001, 0, true}, {0.005, 1, false}});
}

TEST_CASE("damaged availability is refused where the damage is") {
  const auto row = [](const std::string& r) {
    return refusal("t_ms,event,node\n0,add,1\n" + r + "\n");
  };
  CHECK(row("5,add,1") == "a.csv:3: expected a node that was away to join, got node 1");
  CHECK(row("5,remove,2") == "a.csv:3: expected a node that is there to leave, got node 2");
  CHECK(row("-5,add,2") == "a.csv:3: expected a time of at least 0 ms as t_ms, got \"-5\"");
  CHECK(row("5,join,2") == "a.csv:3: expected add or remove as event, got \"join\"");
  CHECK(row("5,add,x") == "a.csv:3: expected a whole number from 0 as node, got \"x\"");
  CHECK(row("5,add,4294967296") ==
        "a.csv:3: expected a whole number from 0 as node, got \"4294967296\"");
  CHECK(refusal("t_ms,event\n") == "a.csv:1: expected a column \"node\", got \"t_ms,event\"");
}

TEST_CASE("spot instances become the servers of a cluster as far as it has room") {
  const auto a = read(std::string(test::availability_sample)).on(2);
  CHECK(a.nodes == 2);
  // 9 and 12 wait in their order; 9 takes the place that 7 leaves, 12 that of 4; 7 comes too late.
  CHECK(a.events == std::vector<node_event>{{0, 0, true},
                                            {0, 1, true},
                                            {60, 1, false},
                                            {60, 1, true},
                                            {90, 0, false},
                                            {90, 0, true}});
}

TEST_CASE("as many servers are up as there are nodes, or all") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    availability a{.nodes = static_cast<std::uint32_t>(d.between(1, 12)),
                   .up_at_start = d.chance(.3)};
    std::vector<bool> up(a.nodes, a.up_at_start);
    double now_s = 0;
    for (int i = 0; i < 60; ++i) {
      const auto node = static_cast<std::uint32_t>(d.index(a.nodes));
      now_s += d.chance(.3) ? 0 : d.between(1, 9);
      up[node] = !up[node];
      a.events.push_back({now_s, node, up[node]});
    }
    const auto n = static_cast<std::uint32_t>(d.between(1, 8));
    const availability b = a.on(n);
    REQUIRE_FALSE(b.up_at_start);
    replay all{a}, some{b};
    std::size_t i = 0;
    for (std::size_t k = 0; k < a.events.size(); ++k) {
      all.apply(a.events[k]);
      const bool last_of_its_time =
          k + 1 == a.events.size() || a.events[k + 1].time_s > a.events[k].time_s;
      if (!last_of_its_time) continue;
      while (i < b.events.size() && b.events[i].time_s <= a.events[k].time_s)
        some.apply(b.events[i++]);
      REQUIRE(some.there() == std::min<std::size_t>(n, all.there()));
    }
    REQUIRE(i == b.events.size());
  }
}

TEST_CASE("the real traces of spot instances are read") {
  struct expected {
    const char* file;
    std::size_t events;
  };
  for (const expected& e : {expected{"data/availability/bamboo_p3.csv", 344},
                            expected{"data/availability/bamboo_g4dn.csv", 153}}) {
    HEDDLE_SHARED_FILE(file, e.file);
    std::ifstream in(file);
    const auto a = trace::read_availability(in, file.string());
    CHECK(a.events.size() == e.events);
    replay r{a};
    std::size_t most = 0;
    std::set<std::uint32_t> seen;
    for (const node_event& event : a.events) {
      r.apply(event);
      most = std::max(most, r.there());
      seen.insert(event.node);
    }
    CHECK(seen.size() == a.nodes);
    CHECK(most >= 20);
    replay whole{a.on(20)};
    for (const node_event& event : a.on(20).events) whole.apply(event);
    CHECK(whole.there() == std::min<std::size_t>(20, r.there()));
  }
}

TEST_CASE("nodes fail and are repaired after the mean times asked for") {
  const failure_process p{.nodes = 400, .mtbf_s = 1000, .mttr_s = 50, .horizon_s = 1e5, .seed = 3};
  const auto a = p();
  CHECK(a.up_at_start);
  CHECK(a.nodes == 400);
  replay r{a};
  std::vector<double> since(a.nodes, 0);
  double up_s = 0, down_s = 0;
  int failures = 0, repairs = 0;
  for (const node_event& e : a.events) {
    r.apply(e);
    (e.up ? down_s : up_s) += e.time_s - since[e.node];
    ++(e.up ? repairs : failures);
    since[e.node] = e.time_s;
  }
  REQUIRE(failures > 30'000);
  // Means within six standard errors (an exponential's deviation is its mean); up times that the
  // horizon cuts are the longer ones, 1 % of all, hence 2 % more.
  CHECK(std::abs(up_s / failures - 1000) < 1000 * (6 / std::sqrt(failures) + .02));
  CHECK(std::abs(down_s / repairs - 50) < 50 * (6 / std::sqrt(repairs) + .01));
  CHECK(a.events.back().time_s < 1e5);
}

TEST_CASE("a node fails at the same times in a cluster of any size") {
  const auto of_node_2 = [](std::uint32_t nodes) {
    std::vector<node_event> out;
    for (const node_event& e :
         failure_process{.nodes = nodes, .mtbf_s = 100, .mttr_s = 10, .horizon_s = 5000}().events)
      if (e.node == 2) out.push_back(e);
    return out;
  };
  CHECK(of_node_2(3) == of_node_2(50));
  CHECK(of_node_2(3).size() > 20);
}

TEST_CASE("mean times between failures must be positive") {
  CHECK_THROWS_WITH_AS((void)failure_process{.mtbf_s = 0}(),
                       "failure_process: expected mean times above 0 s, got 0.000000", input_error);
  CHECK_THROWS_AS((void)failure_process{.mttr_s = -1}(), input_error);
  CHECK_THROWS_WITH_AS((void)failure_process{.horizon_s = HUGE_VAL}(),
                       "failure_process: expected a finite horizon, got inf", input_error);
}
