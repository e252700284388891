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
#include <heddle/route/flow_contention.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>

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
static_assert(Contention<archetype::contention>);
static_assert(!Contention<int>);

TEST_CASE("every model of contention keeps its promises under every routing") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    CHECK(broken_promises(steady{dc, ecmp{seed}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(steady{dc, source{}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(steady{dc, balanced{seed}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(steady{dc, ideal{}}, dc, seed) == std::vector<std::string>{});
    CHECK(broken_promises(flow_contention{dc, ecmp{seed}}, dc, seed, 40) ==
          std::vector<std::string>{});
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
