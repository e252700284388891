#include <heddle/route/contention.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/archetypes.hpp>
#include <heddle/route/conformance.hpp>
#include <heddle/route/crux.hpp>
#include <heddle/route/flow_contention.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>

#include "support/dice.hpp"

using namespace heddle;
using namespace heddle::route;

namespace {

const fabric::leaf_spine dc{{.leafs = 4, .spines = 3, .servers_per_leaf = 2, .gpus_per_server = 4}};

/// Slows everybody down by how many there are; `Wrong` says in what it fails.
enum class wrong { nothing, too_fast, silent, drifting, not_there, unsorted };
template <wrong Wrong>
class crowd {
 public:
  void add(const job& spec, const fabric::placement& where) {
    gpus_[spec.id] = where.gpus.size();
    tell(spec.id);
    drift_ += 1e-12;
  }
  void remove(job_id owner) {
    gpus_.erase(owner);
    tell(owner);
  }
  [[nodiscard]] double slowdown(job_id owner) const {
    if (gpus_.at(owner) == 1) return 1;
    return static_cast<double>(gpus_.size()) * (Wrong == wrong::too_fast ? .5 : 1) +
           (Wrong == wrong::drifting ? drift_ : 0);
  }
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }

 private:
  void tell(job_id owner) {
    changed_.clear();
    if (Wrong != wrong::silent)
      for (const auto& [id, n] : gpus_) changed_.push_back(id);
    if (!gpus_.contains(owner) || Wrong == wrong::silent) changed_.push_back(owner);
    if (Wrong == wrong::not_there) changed_.push_back(job_id{100000});
    if (Wrong == wrong::unsorted)
      std::sort(changed_.begin(), changed_.end(), [](job_id a, job_id b) { return b < a; });
    else
      std::sort(changed_.begin(), changed_.end());
  }

  std::map<job_id, std::size_t> gpus_;
  std::vector<job_id> changed_;
  double drift_ = 0;
};

template <wrong Wrong>
std::string first_broken() {
  const auto broken = broken_promises(crowd<Wrong>{}, dc, 3);
  return broken.empty() ? "none" : broken.front().substr(0, broken.front().find(": job"));
}

}  // namespace

static_assert(Contention<steady<ecmp>>);
static_assert(Contention<flow_contention<source>>);
static_assert(Contention<crux<>>);
static_assert(Contention<archetype::contention>);
static_assert(!Contention<int>);

TEST_CASE("every model of contention keeps its promises under every routing") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    CHECK(broken_promises(steady{dc, ecmp{seed}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(steady{dc, source{}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(steady{dc, balanced{seed}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(steady{dc, ideal{}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(crux{dc}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(flow_contention{dc, ecmp{seed}}, dc, seed, 40) ==
          std::vector<std::string>{});
  }
}

TEST_CASE("under crux paths are those chosen in the order of intensity, whoever came first") {
  int shared = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs(static_cast<std::size_t>(d.between(2, 6)));
    std::vector<fabric::placement> where(jobs.size());
    for (gpu_id g : dc.all_gpus())
      if (d.chance(.8)) where[d.index(jobs.size())].gpus.push_back(g);
    crux network{dc};
    std::vector<std::size_t> there;
    const auto check = [&] {
      std::vector<std::size_t> order = there;
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const auto worth = [&](std::size_t i) {
          const double busy = jobs[i].comm_share + jobs[i].overlap;
          return jobs[i].gpus * (1 - jobs[i].comm_share) / busy;
        };
        return worth(a) != worth(b) ? worth(a) > worth(b) : a < b;
      });
      steady anew{dc, least_loaded{}};
      for (std::size_t i : order) anew.add(jobs[i], where[i]);
      for (std::size_t i : order) {
        REQUIRE(network.slowdown(jobs[i].id) == anew.slowdown(jobs[i].id));
        shared += network.slowdown(jobs[i].id) > 1;
      }
    };
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].id = job_id{i};
      jobs[i].gpus = std::max(1, static_cast<int>(where[i].gpus.size()));
      if (where[i].gpus.empty()) continue;
      jobs[i].comm_share = .1 + .8 * d.real();
      if (d.chance(.3)) jobs[i].overlap = (1 - jobs[i].comm_share) * d.real();
      jobs[i].pattern = d.chance(.5) ? collective::ring : collective::all_to_all;
      network.add(jobs[i], where[i]);
      there.push_back(i);
      check();
    }
    while (!there.empty()) {
      const auto gone = there.begin() + static_cast<std::ptrdiff_t>(d.index(there.size()));
      network.remove(jobs[*gone].id);
      there.erase(gone);
      check();
    }
  }
  CHECK(shared > 50);
}

TEST_CASE("the least loaded path is one whose fullest link no other path undercuts") {
  const traffic::group ranks = traffic::make_group(dc, std::vector{gpu_id{0}, gpu_id{8}});
  const link_numbers links{dc};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<double> on(links.size());
    for (double& x : on) x = d.between(0, 3);
    const auto load = [&](std::uint32_t l) { return on[l]; };
    const view<decltype(load)> v{dc, links, ranks, load};
    const auto fullest = [&](spine_id s) {
      return std::max(on[links.up(leaf_id{0}, s, 0)], on[links.down(s, leaf_id{1}, 0)]);
    };
    double best = 4;
    for (spine_id s : dc.all_spines()) best = std::min(best, fullest(s));
    CHECK(fullest(least_loaded{seed}(v, {0, 1}).spine) == best);
  }
}

TEST_CASE("a model of contention that breaks a promise is told which") {
  CHECK(first_broken<wrong::nothing>() == "none");
  CHECK(first_broken<wrong::too_fast>() == "a slow-down is at least 1");
  CHECK(first_broken<wrong::silent>() == "who is not named has not changed");
  CHECK(first_broken<wrong::drifting>() ==
        "a job that comes and goes leaves everybody as they were");
  CHECK(first_broken<wrong::not_there>() == "who changed is there");
  CHECK(first_broken<wrong::unsorted>() == "those who changed are named once, by id, after");
}
