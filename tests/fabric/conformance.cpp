#include <heddle/fabric/conformance.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/archetypes.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/pods.hpp>
#include <heddle/fabric/trial.hpp>

#include "fabric/own_fabric.hpp"

using namespace heddle;
using fabric::clos_parts;
using fabric::hosts;
using fabric::leaf_spine;
using fabric::leaf_spine_ocs;
using fabric::ledger;
using fabric::ports;
using fabric::tier_links;

namespace {

std::string first_broken(const auto& dc) {
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    if (const std::optional<std::string> broken = fabric::broken_promises(dc, seed)) return *broken;
  return "";
}

// A network book with one fault, over the right one.
enum class fault { gives_twice, keeps_some, forgets_repairs, changes_when_refused };
template <fault Fault>
struct wrong_book : fabric::link_book {
  explicit wrong_book(const auto& dc) : link_book(dc) {}

  [[nodiscard]] bool take(const fabric::placement& p, job_id job) {
    const bool taken = link_book::take(p, job);
    if (Fault == fault::changes_when_refused && !taken) ++refused;
    return taken || Fault == fault::gives_twice;
  }
  void give_back(fabric::placement p) {
    if (Fault == fault::keeps_some && !p.links.empty()) p.links.pop_back();
    link_book::give_back(p);
  }
  template <class F, class Part, class Cut, class Hit>
  bool mark(const F& dc, const Part& part, bool failed, Cut&& cut, Hit&& hit) {
    if (Fault == fault::forgets_repairs && !failed) return is_failed(part);
    return link_book::mark(dc, part, failed, cut, hit);
  }
  int refused = 0;
  friend bool operator==(const wrong_book&, const wrong_book&) = default;
};
template <fault Fault>
struct wrong_fabric : leaf_spine {
  using book = wrong_book<Fault>;
  using leaf_spine::leaf_spine;
  friend bool operator==(const wrong_fabric&, const wrong_fabric&) = default;
};
template <fault Fault>
wrong_fabric<Fault> wrong() {
  return wrong_fabric<Fault>{fabric::leaf_spine_shape{
      .leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};
}

// Its copies are other fabrics.
struct unequal : test::torus {
  using torus::torus;
  friend bool operator==(const unequal&, const unequal&) { return false; }
};
// A leaf of it does not know all its cards.
struct forgetful : leaf_spine {
  using book = fabric::link_book;
  using leaf_spine::leaf_spine;
  void for_each_gpu(leaf_id l, auto&& f) const {
    leaf_spine::for_each_gpu(l, [&](gpu_id g) {
      if (g.value != 0) f(g);
    });
  }
  friend bool operator==(const forgetful&, const forgetful&) = default;
};

}  // namespace

TEST_CASE("leaf-spine networks of every kind keep the promises of a fabric") {
  CHECK(first_broken(leaf_spine{
            {.leafs = 3, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 4}}) == "");
  CHECK(first_broken(leaf_spine{{.leafs = 2,
                                 .spines = 3,
                                 .links_per_pair = 3,
                                 .servers_per_leaf = 1,
                                 .gpus_per_server = 5}}) == "");
  for (const auto& [rails, planes] : {std::pair{8, 1}, {1, 2}, {4, 2}}) {
    CAPTURE(rails);
    CAPTURE(planes);
    const ports where{hosts{2, 2, 8, 2}, {.rails = rails, .planes = planes}};
    CHECK(first_broken(leaf_spine{clos_parts{.ports = where,
                                             .up = tier_links{where.leafs(), 4, 1},
                                             .core = tier_links{4, 2, 2}}}) == "");
  }
  // Pods with spines of their own, which the cores join two by two.
  const auto pairs = [](int lower, int upper, auto&& joined) {
    std::vector<int> counts;
    for (int a = 0; a < lower; ++a)
      for (int b = 0; b < upper; ++b) counts.push_back(joined(a, b) ? 2 : 0);
    return tier_links{lower, upper, std::move(counts)};
  };
  CHECK(first_broken(leaf_spine{clos_parts{
            .ports = ports{hosts{4, 2, 2}, {.rails = 2}},
            .up = pairs(8, 4, [](int leaf, int spine) { return leaf / 4 == spine / 2; }),
            .core = pairs(4, 4, [](int spine, int core) { return spine % 2 == core / 2; })}}) ==
        "");
  CHECK(first_broken(fabric::pods{
            {.pods = 2,
             .pod = {.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 2}}}
                         .network()) == "");
  // Uneven servers, links that taper, a server without GPUs.
  const ports where{hosts{{{{.gpus = 3}, {.gpus = 0}}, {{.gpus = 5, .type = 1}}}}};
  CHECK(first_broken(leaf_spine{
            clos_parts{.ports = where, .up = tier_links{2, 2, std::vector{2, 0, 1, 1}}}}) == "");
  CHECK(first_broken(leaf_spine{clos_parts{.ports = ports{hosts{1, 3, 4}, {.rails = 4}},
                                           .up = tier_links{4, 0, std::vector<int>{}}}}) == "");
}

TEST_CASE("networks of circuits keep the promises of a fabric") {
  CHECK(
      first_broken(leaf_spine_ocs{
          {.leafs = 3, .spines = 2, .switches = 4, .servers_per_leaf = 2, .gpus_per_server = 4}}) ==
      "");
  CHECK(first_broken(leaf_spine_ocs{{.leafs = 2,
                                     .spines = 3,
                                     .switches = 2,
                                     .leaf_fibres = 2,
                                     .spine_fibres = 1,
                                     .servers_per_leaf = 1,
                                     .gpus_per_server = 4}}) == "");
}

TEST_CASE("a torus of one's own keeps the promises of a fabric") {
  const test::torus dc{4, 3, 4};
  CHECK(first_broken(dc) == "");
  CHECK(dc.neighbours(server_id{0}) ==
        std::array{server_id{1}, server_id{3}, server_id{4}, server_id{8}});
  for (server_id s : dc.hosts().all_servers())
    for (server_id other : dc.neighbours(s)) {
      const auto back = dc.neighbours(other);
      CHECK(std::find(back.begin(), back.end(), s) != back.end());
    }
  ledger l{dc};
  CHECK(l.reserve(job_id{1}, {{gpu_id{0}}, {{leaf_id{0}, spine_id{0}}}}) ==
        fabric::reserve_status::malformed);
  CHECK(l.reserve(job_id{1}, {{gpu_id{0}}}) == fabric::reserve_status::reserved);
}

TEST_CASE("the least that is a fabric keeps the promises of one") {
  const fabric::archetype::fabric least{hosts{2, 2, 4}};
  CHECK(first_broken(least) == "");
  ledger l{least};
  CHECK(l.fail(gpu_id{0}).empty());
  CHECK(l.repair(gpu_id{0}));
  fabric::trial t{l};
  CHECK(t.keep({{gpu_id{0}}}).valid());
}

TEST_CASE("fabrics that break a promise are told which") {
  CHECK(first_broken(wrong<fault::gives_twice>())
            .starts_with("links and circuits have one owner at most"));
  CHECK(first_broken(wrong<fault::changes_when_refused>())
            .starts_with("a refused reservation changes nothing"));
  CHECK(first_broken(wrong<fault::forgets_repairs>())
            .starts_with("a part has failed until it is repaired"));
  CHECK(first_broken(wrong<fault::keeps_some>()) != "");
  CHECK(first_broken(unequal{3, 3, 2}) == "a copy of a fabric equals it");
  CHECK(first_broken(forgetful{fabric::leaf_spine_shape{.leafs = 2, .spines = 2}}) ==
        "a leaf names each GPU with a card on it once");
}
