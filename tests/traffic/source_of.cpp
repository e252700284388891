#include <heddle/traffic/collectives.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/traffic/archetypes.hpp>
#include <heddle/traffic/conformance.hpp>

using namespace heddle;
using traffic::any_source;
using traffic::flow;
using traffic::PhaseSource;
using traffic::source_of;

static_assert(PhaseSource<traffic::ring>);
static_assert(PhaseSource<traffic::halving_doubling>);
static_assert(PhaseSource<traffic::all_to_all>);
static_assert(PhaseSource<traffic::hierarchical_all_to_all>);
static_assert(PhaseSource<traffic::tree>);
static_assert(PhaseSource<traffic::all_gather>);
static_assert(PhaseSource<traffic::broadcast>);
static_assert(PhaseSource<traffic::pipeline>);
static_assert(PhaseSource<traffic::scaled<traffic::tree>>);
static_assert(PhaseSource<any_source>);
static_assert(!PhaseSource<int>);
static_assert(traffic::JobTraffic<traffic::by_pattern>);
static_assert(!traffic::JobTraffic<any_source>);

namespace {

const fabric::leaf_spine dc{{.leafs = 8, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

traffic::group first(int n) {
  std::vector<gpu_id> gpus;
  for (int i = 0; i < n; ++i) gpus.push_back(gpu_id{i});
  return traffic::make_group(dc, gpus);
}

struct written {
  traffic::phase what;
  std::vector<flow> who;

  friend bool operator==(const written&, const written&) = default;
};
template <PhaseSource Source>
std::vector<written> write_all(const Source& all) {
  std::vector<written> out(all.size());
  for (std::size_t k = 0; k < out.size(); ++k) out[k].what = all.write(k, out[k].who);
  return out;
}

}  // namespace

TEST_CASE("every collective keeps the promises of a source for groups of all sizes") {
  for (collective c : all_collectives)
    for (int n = 0; n <= 64; ++n) {
      CAPTURE(std::string(name(c)));
      CAPTURE(n);
      const any_source all = source_of(c, first(n), 960);
      CHECK(traffic::broken_promises(all, n).empty());
      CHECK((all.size() > 0) == (n > 1 && c != collective::none));
    }
}

TEST_CASE("no name stands for the phases of another, but gathering and scattering look alike") {
  // Ranks 0 to 15 fill four servers: whatever is hierarchical is unlike what is not.
  for (collective a : all_collectives)
    for (collective b : all_collectives) {
      CAPTURE(std::string(name(a)));
      CAPTURE(std::string(name(b)));
      const bool alike = a == b ||
                         (a == collective::all_gather && b == collective::reduce_scatter) ||
                         (a == collective::reduce_scatter && b == collective::all_gather);
      CHECK((write_all(source_of(a, first(16), 1)) == write_all(source_of(b, first(16), 1))) ==
            alike);
    }
}

TEST_CASE("a source outlives the group that it was made for, and its copies are alike") {
  for (collective c : all_collectives) {
    CAPTURE(std::string(name(c)));
    any_source kept;
    {
      const traffic::group ranks = first(12);
      kept = source_of(c, ranks, 3);
    }
    const any_source copy = kept;
    CHECK(write_all(kept) == write_all(source_of(c, first(12), 3)));
    CHECK(write_all(copy) == write_all(kept));
  }
}

TEST_CASE("a scaled source has the same flows and so many times the bytes") {
  const auto once = write_all(traffic::ring{first(12), 6});
  const auto twice = write_all(traffic::scaled{traffic::ring{first(12), 6}, 2});
  REQUIRE(once.size() == twice.size());
  for (std::size_t k = 0; k < once.size(); ++k) {
    CHECK(twice[k].who == once[k].who);
    CHECK(twice[k].what.repeat == once[k].what.repeat);
    CHECK(twice[k].what.bytes == 2 * once[k].what.bytes);
  }
}

TEST_CASE("a source of which nothing was said has no phases") { CHECK(any_source{}.size() == 0); }

TEST_CASE("the incast of a phase is the most flows that one rank sends or receives") {
  traffic::incast_counter incast;
  CHECK(incast({}) == 0);
  CHECK(incast(std::vector<flow>{{0, 9}, {9, 0}}) == 1);
  CHECK(incast(std::vector<flow>{{1, 0}, {2, 0}, {3, 0}, {0, 1}}) == 3);
  CHECK(incast(std::vector<flow>{{0, 1}, {0, 2}}) == 2);
}

TEST_CASE("sources that break a promise are told which") {
  struct broken {
    int kind;
    mutable int calls = 0;
    std::size_t size() const { return 1; }
    traffic::phase write(std::size_t, std::vector<flow>& out) const {
      if (kind != 0) out.clear();
      out.push_back({0, kind == 1 ? 7u : 1u});
      if (kind == 2) out.back().target = 0;
      if (kind == 5) out.clear();
      if (kind == 6 && ++calls > 1) out.push_back({1, 0});
      return {.bytes = kind == 3 ? 0.0 : 1.0, .repeat = kind == 4 ? 0 : 1};
    }
  };
  const std::string sentences[] = {
      "the same call writes the same phase, in place of what stood in the vector: phase 0",
      "the ends of a flow are ranks of the group: phase 0",
      "a flow has two different ends: phase 0",
      "bytes are positive and finite: phase 0",
      "a phase is run at least once: phase 0",
      "a phase has flows: phase 0",
      "the same call writes the same phase, in place of what stood in the vector: phase 0"};
  for (int kind = 0; kind < 7; ++kind) {
    CAPTURE(kind);
    const auto found = traffic::broken_promises(broken{kind}, 4);
    REQUIRE(found.size() == 1);
    CHECK(found.front() == sentences[kind]);
  }
  CHECK(traffic::broken_promises(broken{7}, 4).empty());
}
