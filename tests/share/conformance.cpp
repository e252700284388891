// The promises that `share::check` looks for: kept by all round policies of the room, and seen where broken.
#include <heddle/share/conformance.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include <heddle/share/archetypes.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>
#include <heddle/share/type_blind.hpp>

using namespace heddle;

namespace {

template <class Policy>
std::string broken(const Policy& policy, const share::check_options& o = {}) {
  const auto all = share::check(policy, o);
  return all.empty() ? "" : all.front();
}

// Gives every job the first type, whether or not it runs there and there is room.
struct first_type {
  void operator()(const share::round_view& view, std::vector<std::uint32_t>& type) const {
    type.assign(view.jobs.jobs(), 0);
  }
};

// Leaves what stood in the answer before.
struct as_it_was {
  void operator()(const share::round_view& view, std::vector<std::uint32_t>& type) const {
    type.resize(view.jobs.jobs(), share::no_type);
  }
};

struct most_gpus {
  void operator()(const share::elastic_view& view, std::vector<share::grant>& given) const {
    given.assign(view.jobs(), {0, view.counts.back()});
  }
};

}  // namespace

TEST_CASE("every round policy of the room keeps what runs by rounds rely on") {
  CHECK(broken(share::by_share<share::max_min>{}) == "");
  CHECK(broken(share::by_share<share::max_min_lexicographic>{{}, {.least_between_s = 0}}) == "");
  CHECK(broken(share::by_share<share::makespan>{{}, {.keep = 1, .newcomers_hold = false}}) == "");
  CHECK(broken(share::by_share<share::finish_time_fairness_so_far>{}) == "");
  CHECK(broken(share::by_share<share::first_come>{{}, {.only_shared = true}}) == "");
  CHECK(broken(share::rate_by_time_left{}) == "");
  CHECK(broken(share::relative_goodput{}) == "");
  CHECK(broken(share::relative_goodput{{.power = 1}}) == "");
  CHECK(broken(share::type_blind<share::relative_goodput>{}) == "");
}

TEST_CASE("archetypes of round policies keep what runs by rounds rely on") {
  CHECK(broken(share::archetype::round_policy{1}) == "");
  CHECK(broken(share::archetype::elastic_round_policy{1}) == "");
}

TEST_CASE("round policies that break a promise are found out") {
  CHECK(broken(first_type{}).find("job ") == 0);
  CHECK(broken(as_it_was{}).find("a copy answers the same, whatever stood in the answer before") ==
        0);
  CHECK(broken(most_gpus{}) != "");
}
