// Flows on tori: ways and loads against counting, rings against their bound, contention against its formula.
#include <heddle/route/torus_steady.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include <heddle/core/box_shapes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/torus_boxes.hpp>
#include <heddle/traffic/conformance.hpp>
#include <heddle/traffic/mesh_rings.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::placement;
using fabric::torus;
using route::mesh_ways;
using traffic::flow;

namespace {

constexpr collective patterns[] = {collective::ring, collective::all_to_all,
                                   collective::halving_doubling, collective::tree};

mesh_ways::rings all_closed(const box_shape& s) {
  mesh_ways::rings out{};
  for (std::size_t d = 0; d < s.size(); ++d) out[d] = s[d] > 2;
  return out;
}
box_shape random_box(test::dice& d, int most_sides, int longest, int most_cells) {
  for (;;) {
    box_shape s;
    for (int k = d.between(1, most_sides); k > 0; --k) s.add(d.between(1, longest));
    if (s.volume() <= most_cells) return s;
  }
}
torus random_torus(test::dice& d) {
  const box_shape sides{d.between(1, 4), d.between(2, 5), d.between(2, 4)};
  return torus{{.sides = sides, .host = {1, 1, 1}}};
}
/// Anywhere: so many free chips by chance.
placement scattered(const fabric::ledger<torus>& book, test::dice& d, std::size_t chips) {
  std::vector<gpu_id> free;
  for (gpu_id g : book.hosts().all_gpus())
    if (book.is_free(g)) free.push_back(g);
  d.shuffle(free);
  free.resize(std::min(chips, free.size()));
  return {.gpus = free};
}

}  // namespace

TEST_CASE("an all-to-all by dimension order loads links as the formula of rows says") {
  for (int n = 1; n <= 12; ++n)
    for (const bool ring : {false, true}) {
      std::vector<std::int64_t> forth(static_cast<std::size_t>(n)), back = forth;
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) {
          const route::row_way w = route::way_along(i, j, n, ring);
          CHECK(w.hops == (ring ? std::min((j - i + n) % n, (i - j + n) % n) : std::abs(i - j)));
          for (int h = 0, at = i; h < w.hops; ++h) {
            ++(w.back ? back : forth)[static_cast<std::size_t>(at)];
            at = (at + (w.back ? n - 1 : 1)) % n;
          }
        }
      CAPTURE(n);
      CAPTURE(ring);
      CHECK(std::max(*std::max_element(forth.begin(), forth.end()),
                     *std::max_element(back.begin(), back.end())) == route::row_load(n, ring));
    }
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    test::dice d{seed};
    const box_shape mesh = random_box(d, 4, 7, 160);
    const bool closed = d.chance(.5);
    const mesh_ways ways{mesh, closed ? all_closed(mesh) : mesh_ways::rings{}};
    std::vector<std::int64_t> load(ways.links());
    const auto n = static_cast<std::uint32_t>(mesh.volume());
    for (std::uint32_t i = 0; i < n; ++i)
      for (std::uint32_t j = 0; j < n; ++j) {
        std::uint32_t at = i;
        ways(flow{i, j}, [&](std::uint32_t l) {
          ++load[l];
          const std::size_t dim = l / 2 % mesh.size();
          REQUIRE(l / 2 / mesh.size() == at);
          at = ways.next(at, dim, l % 2 == 1);
        });
        REQUIRE(at == j);
      }
    CAPTURE(seed);
    CAPTURE(text_of(mesh));
    CHECK(*std::max_element(load.begin(), load.end()) == route::all_to_all_load(mesh, closed));
  }
}

TEST_CASE("shapes for a number of chips come in the order of what communicates best") {
  for (int chips = 1; chips <= 1200; ++chips) {
    const auto all = boxes_of(chips);
    std::set<std::vector<int>> found;
    for (const box_shape& s : all) {
      CHECK(s.volume() == chips);
      found.insert({s[0], s[1], s[2]});
    }
    std::size_t there = 0;
    for (int a = 1; a <= chips; ++a)
      for (int b = 1; chips % a == 0 && b <= a; ++b)
        there += chips / a % b == 0 && chips / a / b <= b;
    CHECK(found.size() == there);
    CHECK(all.size() == there);
    for (std::size_t i = 1; i < all.size(); ++i)
      CHECK(route::all_to_all_load(all[i - 1], false) <= route::all_to_all_load(all[i], false));
  }
}

TEST_CASE("rings along all dimensions send the least there is, and take it on equal sides") {
  const double gbps = 400, bytes = 1e9;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    test::dice d{seed};
    box_shape mesh = random_box(d, 4, 6, 400);
    const bool equal = seed % 3 == 0;
    if (equal) {
      const int side = d.between(3, 5), dims = d.between(1, 3);
      mesh = {};
      for (int k = 0; k < dims; ++k) mesh.add(side);
    }
    CAPTURE(text_of(mesh));
    const traffic::mesh_rings rings{mesh, bytes};
    const auto n = static_cast<double>(mesh.volume());
    if (mesh.volume() == 1) {
      CHECK(rings.size() == 0);
      continue;
    }
    CHECK(traffic::broken_promises(rings, static_cast<int>(n)).empty());
    std::vector<double> sent(static_cast<std::size_t>(n)), got = sent;
    std::vector<flow> flows;
    for (std::size_t k = 0; k < rings.size(); ++k) {
      const traffic::phase p = rings.write(k, flows);
      for (const flow& f : flows) {
        sent[f.source] += p.bytes * p.repeat;
        got[f.target] += p.bytes * p.repeat;
      }
    }
    const double least = 2 * bytes * (n - 1) / n;
    for (std::size_t r = 0; r < sent.size(); ++r) {
      CHECK(sent[r] == doctest::Approx(least).epsilon(1e-9));
      CHECK(got[r] == doctest::Approx(least).epsilon(1e-9));
    }
    double ways = 0;
    for (std::size_t k = 0; k < mesh.size(); ++k) ways += mesh[k] > 2 ? 2 : mesh[k] - 1;
    const double bound = 8e-9 * least / (ways * gbps);
    const double closed = route::phases_s(rings, mesh, true, gbps);
    CHECK(closed >= bound * (1 - 1e-9));
    if (equal) CHECK(closed == doctest::Approx(bound).epsilon(1e-9));
    // On open rows the flow between the ends meets all others that go back.
    CHECK(route::phases_s(rings, mesh, false, gbps) <= 2 * closed * (1 + 1e-9));
  }
}

TEST_CASE("what jobs in meshes of a torus send stays on links of their own") {
  std::size_t meshes = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    test::dice d{seed};
    const torus dc = random_torus(d);
    fabric::ledger<torus> book{dc};
    route::torus_steady<> network{dc, {.phase_samples = 8}};
    place::folded folded{.closed = d.chance(.3)};
    place::torus_first_fit first;
    std::vector<job_id> jobs;
    for (std::uint32_t i = 0; i < 8; ++i) {
      const box_shape shape = random_box(d, 3, 5, dc.hosts().gpus());
      const place::request ask{job_id{i}, static_cast<int>(shape.volume()), {}, shape};
      const place::answer a = seed % 2 ? folded(book, ask) : first(book, ask);
      if (!a) continue;
      REQUIRE(book.reserve(job_id{i}, *a.where) == fabric::reserve_status::reserved);
      jobs.push_back(job_id{i});
      network.add(job_id{i}, *a.where, patterns[i % 4], .5);
    }
    CAPTURE(seed);
    for (job_id j : jobs) {
      const placement& p = *book.find(j);
      const auto ranks = traffic::make_mesh_group(dc.hosts(), p.gpus, p.shape);
      for (collective c : patterns)
        CHECK(route::isolation_fault(book, j, traffic::source_of(c, ranks, 1.0)).value_or("") ==
              "");
      CHECK(network.slowdown(j) == 1);
      ++meshes;
    }
  }
  CHECK(meshes > 300);
}

TEST_CASE("flows of chips anywhere on a torus cross those of others, and that is seen") {
  const torus dc{{.sides = {8, 4}, .host = {1, 1}}};
  fabric::ledger<torus> book{dc};
  placement row{.gpus = {}, .shape = {4, 1}}, ends{.gpus = {dc.at({1, 1}), dc.at({5, 0})}};
  for (int x = 0; x < 4; ++x) row.gpus.push_back(dc.at({x + 2, 1}));
  REQUIRE(book.reserve(job_id{1}, row) == fabric::reserve_status::reserved);
  REQUIRE(book.reserve(job_id{2}, ends) == fabric::reserve_status::reserved);
  const auto sends = [&](job_id j) {
    const placement& p = *book.find(j);
    const auto ranks = traffic::make_mesh_group(dc.hosts(), p.gpus, p.shape);
    return route::isolation_fault(book, j, traffic::source_of(collective::all_to_all, ranks, 1.0));
  };
  CHECK(!sends(job_id{1}));
  CHECK(sends(job_id{2}).value_or("").find("which is not its own") != std::string::npos);
  CHECK(route::isolation_fault(book, job_id{3}, traffic::any_source{}) == "it holds nothing");
}

TEST_CASE("slow-downs on a shared torus are those of the formula, whoever came and went before") {
  struct running {
    placement where;
    collective pattern;
    double duty;
  };
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    test::dice d{seed};
    const torus dc = random_torus(d);
    const route::steady_options o{.phase_samples = 5, .rounds = d.between(1, 2)};
    fabric::ledger<torus> book{dc};
    route::torus_steady<> network{dc, o};
    std::map<job_id, running> jobs;
    for (std::uint32_t i = 0; i < 14; ++i) {
      if (!jobs.empty() && d.chance(.3)) {
        const auto at = std::next(jobs.begin(), static_cast<std::ptrdiff_t>(d.index(jobs.size())));
        network.remove(at->first);
        book.release(at->first);
        jobs.erase(at);
        continue;
      }
      placement where = scattered(book, d, 2 + d.index(6));
      if (d.chance(.4)) {
        place::torus_first_fit first;
        const int chips = d.between(2, 6);
        const place::answer a = first(book, {job_id{i}, chips, {}, {}});
        if (a) where = *a.where;
      }
      if (where.gpus.empty()) continue;
      REQUIRE(book.reserve(job_id{i}, where) == fabric::reserve_status::reserved);
      const running r{where, patterns[d.index(4)], d.real()};
      network.add(job_id{i}, where, r.pattern, r.duty);
      jobs.emplace(job_id{i}, r);
    }
    // Every phase of every job against the means of all others.
    struct part {
      double weight, card;
      std::map<std::uint32_t, int> flows;
    };
    std::map<job_id, std::vector<part>> parts;
    std::map<job_id, std::map<std::uint32_t, double>> mean;
    for (const auto& [j, r] : jobs) {
      if (r.where.gpus.size() < 2) continue;
      const auto ranks = traffic::make_mesh_group(dc.hosts(), r.where.gpus, r.where.shape);
      const auto all = traffic::source_of(r.pattern, ranks, 1.0);
      route::torus_ways ways{dc};
      ways.start(r.where);
      const mesh_ways box{boxes_of(ranks.size()).front()};
      std::vector<flow> flows;
      double total = 0;
      const std::size_t n = std::min(all.size(), std::size_t{5});
      for (std::size_t i = 0; i < n; ++i) {
        const traffic::phase p = all.write((2 * i + 1) * all.size() / (2 * n), flows);
        part x{0, 1, {}};
        std::map<std::uint32_t, int> in_box;
        for (const flow& f : flows) {
          ways(f, [&](std::uint32_t l) { ++x.flows[l]; });
          box(f, [&](std::uint32_t l) { ++in_box[l]; });
        }
        for (const auto& [l, k] : r.where.shape.empty() ? in_box : x.flows)
          x.card = std::max(x.card, 1.0 * k);
        x.weight = p.bytes * p.repeat * x.card;
        total += x.weight;
        parts[j].push_back(x);
      }
      for (part& x : parts[j]) {
        x.weight /= total;
        for (const auto& [l, k] : x.flows) mean[j][l] += x.weight * k;
      }
    }
    std::map<job_id, double> slow;
    for (const auto& [j, r] : jobs) slow[j] = 1;
    for (int round = 0; round < o.rounds; ++round) {
      std::map<job_id, double> next;
      for (const auto& [j, r] : jobs) {
        double s = 1;
        for (const part& x : parts[j]) {
          double most = x.card;
          for (const auto& [l, k] : x.flows) {
            double load = k;
            for (const auto& [other, q] : jobs)
              if (other != j && mean[other].contains(l))
                load += mean[other][l] * q.duty * slow[other] / (1 - q.duty + q.duty * slow[other]);
            most = std::max(most, load);
          }
          s += x.weight * (most / x.card - 1);
        }
        next[j] = s;
      }
      slow = next;
    }
    CAPTURE(seed);
    for (const auto& [j, s] : slow) CHECK(network.slowdown(j) == doctest::Approx(s).epsilon(1e-9));
  }
}
