// Random arrivals, departures, failures and repairs, checked against books of the test's own.
//
// The tests make 20 000 steps each. A long run, under the sanitizers of the preset gcc-debug:
//   HEDDLE_CHURN_STEPS=1000000 heddle-tests-place -tc='*arrivals, departures, failures*'
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <heddle/fabric/ledger.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::placement;
using fabric::reserve_status;

namespace {

using any_part = std::variant<gpu_id, server_id, leaf_id, spine_id, fabric::link>;

// Owners and failures, in the plainest form.
struct books {
  std::vector<job_id> gpu, wire;
  std::vector<bool> gpu_failed, server_failed, leaf_failed, spine_failed, wire_failed;
  std::vector<any_part> failed;
  std::vector<std::pair<job_id, placement>> running;

  explicit books(const leaf_spine& dc)
      : gpu(n(dc.gpus())), wire(n(dc.links())), gpu_failed(n(dc.gpus())),
        server_failed(n(dc.servers())), leaf_failed(n(dc.leafs())), spine_failed(n(dc.spines())),
        wire_failed(n(dc.links())) {}

  static std::size_t n(int v) { return static_cast<std::size_t>(v); }
  static std::size_t at(const leaf_spine& dc, const fabric::link& k) {
    return (k.leaf.index() * n(dc.spines()) + k.spine.index()) * n(dc.links_per_pair()) + k.lane;
  }

  void mark(const leaf_spine& dc, const any_part& part, bool broken) {
    if (auto* g = std::get_if<gpu_id>(&part)) gpu_failed[g->index()] = broken;
    if (auto* s = std::get_if<server_id>(&part)) server_failed[s->index()] = broken;
    if (auto* l = std::get_if<leaf_id>(&part)) leaf_failed[l->index()] = broken;
    if (auto* s = std::get_if<spine_id>(&part)) spine_failed[s->index()] = broken;
    if (auto* k = std::get_if<fabric::link>(&part)) wire_failed[at(dc, *k)] = broken;
  }
  [[nodiscard]] bool works(const leaf_spine& dc, gpu_id g) const {
    return !gpu_failed[g.index()] && !server_failed[dc.server_of(g).index()] &&
           !leaf_failed[dc.leaf_of(g).index()];
  }
  [[nodiscard]] bool works(const leaf_spine& dc, const fabric::link& k) const {
    return !wire_failed[at(dc, k)] && !leaf_failed[k.leaf.index()] &&
           !spine_failed[k.spine.index()];
  }

  // Whether all of a placement was free and in order; it is taken then.
  bool take(const leaf_spine& dc, job_id job, const placement& p) {
    bool ok = true;
    for (gpu_id g : p.gpus) {
      ok = ok && works(dc, g) && !gpu[g.index()].valid();
      gpu[g.index()] = job;
    }
    for (const fabric::link& k : p.links) {
      ok = ok && works(dc, k) && !wire[at(dc, k)].valid();
      wire[at(dc, k)] = job;
    }
    running.push_back({job, p});
    return ok;
  }
  job_id leave(const leaf_spine& dc, std::size_t k) {
    const auto [job, p] = running[k];
    for (gpu_id g : p.gpus) gpu[g.index()] = job_id{};
    for (const fabric::link& l : p.links) wire[at(dc, l)] = job_id{};
    running[k] = running.back();
    running.pop_back();
    return job;
  }
  // Owners of what a part holds or carries.
  [[nodiscard]] std::vector<job_id> hit(const leaf_spine& dc, const any_part& part) const {
    std::set<job_id> out;
    for (const auto& [job, p] : running) {
      bool is_hit = false;
      for (gpu_id g : p.gpus)
        is_hit = is_hit || part == any_part{g} || part == any_part{dc.server_of(g)} ||
                 part == any_part{dc.leaf_of(g)};
      for (const fabric::link& k : p.links)
        is_hit =
            is_hit || part == any_part{k} || part == any_part{k.leaf} || part == any_part{k.spine};
      if (is_hit) out.insert(job);
    }
    return {out.begin(), out.end()};
  }
};

any_part random_part(const leaf_spine& dc, test::dice& d) {
  const auto index = [&](int count) { return d.index(static_cast<std::size_t>(count)); };
  const double u = d.real();
  if (u < .5) return gpu_id{index(dc.gpus())};
  if (u < .7) return server_id{index(dc.servers())};
  if (u < .75) return leaf_id{index(dc.leafs())};
  if (u < .8) return spine_id{index(dc.spines())};
  return fabric::link{leaf_id{index(dc.leafs())}, spine_id{index(dc.spines())},
                      static_cast<std::uint32_t>(index(dc.links_per_pair()))};
}

void run(const leaf_spine& dc, int largest, std::uint64_t seed) {
  const char* wanted_steps = std::getenv("HEDDLE_CHURN_STEPS");
  const std::uint32_t steps =
      wanted_steps ? static_cast<std::uint32_t>(std::stoul(wanted_steps)) : 20'000;
  test::dice d{seed};
  ledger state{dc}, saved{dc};
  books mine{dc}, saved_books{dc};
  place::first_of<place::one_server, place::one_leaf, place::vclos> strict;
  place::relaxed relaxed;
  place::jigsaw jigsaw;
  place::buddy buddy;
  place::packed packed;
  std::size_t placed = 0, with_links = 0, failures = 0, hits = 0, restored = 0;

  for (std::uint32_t i = 0; i < steps; ++i) {
    CAPTURE(i);
    const double u = d.real();
    if (u < .55) {
      int gpus = 1;
      while (gpus < largest && d.chance(.7)) gpus *= 2;
      if (d.chance(.4)) gpus = d.between(1, gpus);
      const job_id id{i};
      const double which = d.real();
      const place::request r{id, gpus};
      const place::answer a = which < .6    ? place::ask(strict, state, r)
                              : which < .75 ? place::ask(relaxed, state, r)
                              : which < .9  ? place::ask(jigsaw, state, r)
                              : which < .95 ? place::ask(buddy, state, r)
                                            : place::ask(packed, state, r);
      if (a) {
        REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(gpus));
        REQUIRE(state.reserve(id, *a.where) == reserve_status::reserved);
        REQUIRE(mine.take(dc, id, *a.where));
        ++placed;
        with_links += !a.where->links.empty();
      } else {
        REQUIRE(a.why != place::wait_reason::none);
      }
    } else if (u < .9) {
      if (mine.running.empty()) continue;
      REQUIRE(state.release(mine.leave(dc, d.index(mine.running.size()))));
    } else if (u < .95) {
      const any_part part = random_part(dc, d);
      const std::vector<job_id> hit =
          std::visit([&](const auto& p) { return state.fail(p); }, part);
      REQUIRE(hit == mine.hit(dc, part));
      hits += !hit.empty();
      mine.mark(dc, part, true);
      mine.failed.push_back(part);
      ++failures;
    } else if (u < .998) {
      if (mine.failed.empty() || (mine.failed.size() < 12 && d.chance(.5))) continue;
      const std::size_t k = d.index(mine.failed.size());
      std::visit([&](const auto& p) { state.repair(p); }, mine.failed[k]);
      const any_part part = mine.failed[k];
      mine.mark(dc, part, false);
      std::erase(mine.failed, part);  // it may have failed twice
    } else if (d.chance(.5)) {
      saved = state;
      saved_books = mine;
    } else {
      state = saved;
      mine = saved_books;
      REQUIRE(state == saved);
      ++restored;
    }

    if (i % 1000 == 0 || i + 1 == steps) {
      REQUIRE(state.consistent());
      int free = 0;
      for (gpu_id g : dc.all_gpus()) {
        const bool is_free = mine.works(dc, g) && !mine.gpu[g.index()].valid();
        REQUIRE(state.is_free(g) == is_free);
        REQUIRE(state.owner(g) == mine.gpu[g.index()]);
        free += is_free;
      }
      REQUIRE(state.free_gpus() == free);
      REQUIRE(state.placements().size() == mine.running.size());
      for (leaf_id l : dc.all_leafs())
        for (spine_id s : dc.all_spines())
          for (std::uint32_t lane = 0; lane < static_cast<std::uint32_t>(dc.links_per_pair());
               ++lane) {
            const fabric::link k{l, s, lane};
            REQUIRE(state.is_free(k) ==
                    (mine.works(dc, k) && !mine.wire[books::at(dc, k)].valid()));
          }
    }
  }
  CHECK(placed > steps / 5);
  CHECK(with_links > placed / 50);
  CHECK(failures > steps / 40);
  CHECK(hits > failures / 10);
  CHECK(restored > steps / 4000);

  while (!mine.running.empty()) REQUIRE(state.release(mine.leave(dc, 0)));
  for (const any_part& part : mine.failed)
    std::visit([&](const auto& p) { state.repair(p); }, part);
  CHECK(state == ledger{dc});
}

}  // namespace

TEST_CASE("through arrivals, departures, failures and repairs on 512 GPUs every part has one owner "
          "at most") {
  run(leaf_spine{{.leafs = 16, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}}, 128, 1);
}

TEST_CASE("through arrivals, departures, failures and repairs on 8192 GPUs every part has one "
          "owner at most") {
  run(leaf_spine{{.leafs = 128, .spines = 64, .servers_per_leaf = 16, .gpus_per_server = 4}}, 512,
      2);
}

TEST_CASE("through arrivals, departures, failures and repairs with parallel links every part has "
          "one owner at most") {
  run(leaf_spine{{.leafs = 12,
                  .spines = 8,
                  .links_per_pair = 3,
                  .servers_per_leaf = 3,
                  .gpus_per_server = 8}},
      128, 3);
}
