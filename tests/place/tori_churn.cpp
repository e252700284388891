// Arrivals, departures, failures and repairs on tori and cubes, checked against books of the test's own.
//
// The tests make 1 500 steps each. A long run, under the sanitizers of the preset gcc-debug:
//   HEDDLE_TORI_OPERATIONS=1000000 heddle-tests-place -tc='*go and fail*'
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/place/reconfigured.hpp>
#include <heddle/place/spare_cubes.hpp>
#include <heddle/place/torus_boxes.hpp>
#include <heddle/place/verify_mesh.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::chip_link;
using fabric::placement;

namespace {

template <class Fabric>
class churn {
  static constexpr bool has_cubes = std::is_same_v<Fabric, fabric::cubes>;
  using ledger = fabric::ledger<Fabric>;

 public:
  using policy = std::function<place::answer(const ledger&, const place::request&)>;
  struct contender {
    policy ask;
    bool closed, twisted;
  };

  churn(const Fabric& dc, std::vector<contender> all, std::uint64_t seed)
      : dc_(dc), book_(dc), all_(std::move(all)), d_(seed), owner_(n(dc.hosts().gpus()), none),
        chip_failed_(owner_.size()), host_failed_(n(dc.hosts().servers())),
        cube_failed_(n(dc.hosts().units())) {}

  void run(int steps) {
    for (step_ = 0; step_ < steps; ++step_) {
      CAPTURE(step_);
      const double what = d_.real();
      if (what < .55)
        come();
      else if (what < .8)
        go();
      else if (what < .9)
        fail();
      else
        repair();
      if (step_ % 64 == 0) compare();
    }
    compare();
    CHECK(placed_ > steps / 10);
    CHECK(hit_ > 0);
    if (has_cubes) CHECK(moved_ > 0);
  }

 private:
  static constexpr std::uint32_t none = ~0u;
  static std::size_t n(int v) { return static_cast<std::size_t>(v); }

  [[nodiscard]] bool works(gpu_id g) const {
    return !chip_failed_[g.index()] && !host_failed_[dc_.hosts().server_of(g).index()] &&
           !cube_failed_[dc_.hosts().unit_of(g).index()];
  }
  void take(job_id job, const placement& p, const place::mesh_claim& claim) {
    for (gpu_id g : p.gpus) {
      REQUIRE(owner_[g.index()] == none);
      REQUIRE(works(g));
      owner_[g.index()] = job.value;
    }
    for (const fabric::face_circuit& k : p.faces)
      for (const auto& [cube, plus] : {std::pair{k.from, true}, std::pair{k.to, false}})
        REQUIRE(ports_.insert({cube, k.dimension, k.position, plus}).second);
    running_[job] = {p, claim};
    REQUIRE(place::mesh_fault(book_, job, claim).value_or("") == "");
  }
  void give_back(job_id job) {
    for (gpu_id g : running_[job].first.gpus) owner_[g.index()] = none;
    for (const fabric::face_circuit& k : running_[job].first.faces) {
      ports_.erase({k.from, k.dimension, k.position, true});
      ports_.erase({k.to, k.dimension, k.position, false});
    }
    running_.erase(job);
  }

  void come() {
    const contender& c = all_[d_.index(all_.size())];
    box_shape shape;
    for (int k = 0; k < 3; ++k) shape.add(d_.between(1, d_.chance(.3) ? 9 : 4));
    if (d_.chance(.1)) shape = {2, 4, 2};
    if (d_.chance(.1)) shape = {d_.between(1, 90), 1, 1};
    const job_id job{next_++};
    const auto chips = static_cast<int>(shape.volume());
    const bool any_shape = d_.chance(.1);
    if (chips > book_.free_gpus()) return;
    const place::answer a = c.ask(book_, {job, chips, {}, any_shape ? box_shape{} : shape});
    if (!a) return;
    if (!any_shape) REQUIRE(a.where->shape == shape);
    REQUIRE(book_.reserve(job, *a.where) == fabric::reserve_status::reserved);
    const box_shape& is = a.where->shape;
    bool twists = false;
    if constexpr (has_cubes) twists = c.twisted && dc_.twist_of(is) > 0;
    take(job, *a.where, {is, c.closed, twists});
    ++placed_;
  }
  void go() {
    if (running_.empty()) return;
    const job_id job =
        std::next(running_.begin(), static_cast<std::ptrdiff_t>(d_.index(running_.size())))->first;
    REQUIRE(book_.release(job));
    give_back(job);
  }

  /// What the book names as hit is who the plain books say.
  template <class Part, class Owns>
  void fail(const Part& part, Owns&& owns) {
    std::vector<job_id> expected;
    for (const auto& [job, held] : running_)
      if (owns(job, held.first)) expected.push_back(job);
    const std::vector<job_id> hit = book_.fail(part);
    REQUIRE(hit == expected);
    hit_ += hit.size();
    for (job_id job : hit) {
      if constexpr (has_cubes)
        if (const auto move = place::move_to_spares(book_, job)) {
          // All that the book has of others stays, and the mesh is whole again.
          REQUIRE(place::carry_out(book_, job, *move));
          const place::mesh_claim claim = running_[job].second;
          give_back(job);
          take(job, move->where, claim);
          ++moved_;
          continue;
        }
      REQUIRE(book_.release(job));
      give_back(job);
    }
  }
  void fail() {
    const gpu_id g{d_.between(0, dc_.hosts().gpus() - 1)};
    const auto has_chip = [&](auto&& that) {
      return [this, that](job_id, const placement& p) {
        return std::any_of(p.gpus.begin(), p.gpus.end(), that);
      };
    };
    switch (d_.between(0, has_cubes ? 4 : 2)) {
    case 0:
      chip_failed_[g.index()] = true;
      return fail(g, has_chip([g](gpu_id x) { return x == g; }));
    case 1: {
      const server_id s = dc_.hosts().server_of(g);
      host_failed_[s.index()] = true;
      return fail(s, has_chip([this, s](gpu_id x) { return dc_.hosts().server_of(x) == s; }));
    }
    case 2: {
      const chip_link k{g, static_cast<std::uint8_t>(d_.between(0, 2))};
      const gpu_id end = dc_.end_of(k);
      if (!end.valid()) return;
      links_failed_.insert(k);
      return fail(k, [this, g, end](job_id job, const placement&) {
        return owner_[g.index()] == job.value && owner_[end.index()] == job.value;
      });
    }
    default:
      break;
    }
    if constexpr (has_cubes) {
      if (d_.chance(.5)) {
        const unit_id c = dc_.cube_of(g);
        cube_failed_[c.index()] = true;
        return fail(c, has_chip([this, c](gpu_id x) { return dc_.cube_of(x) == c; }));
      }
      const ocs_id o{d_.between(0, dc_.circuit_switches() - 1)};
      switches_failed_.insert(o);
      fail(o, [this, o](job_id, const placement& p) {
        return std::any_of(p.faces.begin(), p.faces.end(),
                           [&](const auto& k) { return dc_.ocs_of(k) == o; });
      });
    }
  }
  void repair() {
    for (std::size_t i = 0; i < chip_failed_.size(); ++i)
      if (chip_failed_[i] && d_.chance(.5)) {
        REQUIRE(book_.repair(gpu_id{i}));
        chip_failed_[i] = false;
      }
    for (std::size_t i = 0; i < host_failed_.size(); ++i)
      if (host_failed_[i] && d_.chance(.5)) {
        REQUIRE(book_.repair(server_id{i}));
        host_failed_[i] = false;
      }
    std::erase_if(links_failed_, [&](const chip_link& k) {
      if (!d_.chance(.5)) return false;
      REQUIRE(book_.repair(k));
      return true;
    });
    if constexpr (has_cubes) {
      for (std::size_t i = 0; i < cube_failed_.size(); ++i)
        if (cube_failed_[i] && d_.chance(.7)) {
          REQUIRE(book_.repair(unit_id{i}));
          cube_failed_[i] = false;
        }
      std::erase_if(switches_failed_, [&](ocs_id o) {
        if (!d_.chance(.7)) return false;
        REQUIRE(book_.repair(o));
        return true;
      });
    }
  }
  void compare() {
    REQUIRE(book_.consistent());
    int free = 0;
    for (gpu_id g : dc_.hosts().all_gpus()) {
      const bool here = owner_[g.index()] == none && works(g);
      REQUIRE(book_.is_free(g) == here);
      free += here;
    }
    REQUIRE(book_.free_gpus() == free);
    REQUIRE(book_.placements().size() == running_.size());
    for (const auto& [job, held] : running_) {
      REQUIRE(*book_.find(job) == held.first);
      REQUIRE(place::mesh_fault(book_, job, held.second).value_or("") == "");
    }
  }

  Fabric dc_;
  ledger book_;
  std::vector<contender> all_;
  test::dice d_;
  std::vector<std::uint32_t> owner_;
  std::vector<bool> chip_failed_, host_failed_, cube_failed_;
  std::set<chip_link> links_failed_;
  std::set<ocs_id> switches_failed_;
  std::set<std::tuple<unit_id, int, int, bool>> ports_;
  std::map<job_id, std::pair<placement, place::mesh_claim>> running_;
  std::uint32_t next_ = 0;
  int step_ = 0, placed_ = 0;
  std::size_t hit_ = 0, moved_ = 0;
};

int steps() {
  const char* told = std::getenv("HEDDLE_TORI_OPERATIONS");
  return told ? std::max(1, (std::atoi(told) + 2) / 3) : 1500;
}

}  // namespace

TEST_CASE("meshes that come, go and fail on a torus leave the books as plain ones have them") {
  churn<fabric::torus>{fabric::torus{{.sides = {4, 6, 5}, .host = {2, 2, 1}}},
                       {{place::torus_first_fit{}, false, false},
                        {place::torus_first_fit{.closed = true}, true, false},
                        {place::folded{}, false, false},
                        {place::folded{.closed = true}, true, false},
                        {place::best_fit{}, false, false}},
                       1}
      .run(steps());
}

TEST_CASE("meshes that come, go and fail on cubes leave the books as plain ones have them") {
  for (const auto& [cubes, side] : {std::pair{12, 2}, std::pair{5, 4}})
    churn<fabric::cubes>{fabric::cubes{{.cubes = cubes, .side = side}},
                         {{place::reconfigured{}, false, false},
                          {place::reconfigured{.closed = true, .twisted = true}, true, true},
                          {place::folded_reconfigured{}, false, false},
                          {place::folded_reconfigured{.closed = true}, true, false}},
                         2}
        .run(steps());
}
