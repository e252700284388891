// What collectives are for: the data of every rank is followed through the phases, piece by piece.
#include <heddle/traffic/collectives.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

using namespace heddle;
using traffic::any_source;
using traffic::flow;
using traffic::source_of;
using flows = std::vector<flow>;

namespace {

const fabric::leaf_spine dc{{.leafs = 8, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

traffic::group first(std::size_t n) {
  std::vector<gpu_id> gpus;
  for (std::size_t i = 0; i < n; ++i) gpus.push_back(gpu_id{i});
  return traffic::make_group(dc, gpus);
}

// All steps of a collective, each phase as often as it is repeated.
struct step {
  double bytes;
  flows who;
};
std::vector<step> steps_of(const any_source& all) {
  std::vector<step> out;
  for (std::size_t k = 0; k < all.size(); ++k) {
    step s;
    const auto p = all.write(k, s.who);
    s.bytes = p.bytes;
    out.insert(out.end(), static_cast<std::size_t>(p.repeat), s);
  }
  return out;
}

// N ranks, each with M pieces of D/M bytes; a piece is the set of ranks whose data it sums up.
struct memory {
  std::size_t ranks, pieces;
  std::vector<std::uint64_t> has;
  double bytes;  // D

  memory(std::size_t n, std::size_t m, double d) : ranks(n), pieces(m), has(n * m), bytes(d) {
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t p = 0; p < m; ++p) at(r, p) = std::uint64_t{1} << r;
  }
  std::uint64_t& at(std::size_t r, std::size_t p) { return has[r * pieces + p]; }
  [[nodiscard]] std::uint64_t all() const { return ranks == 64 ? ~0ull : (1ull << ranks) - 1; }

  // Runs one step; `sent(flow index)` are the pieces that the flow carries, `sums` whether the target
  // adds them up or takes them over. Nothing may be added twice.
  template <class Sent>
  void run(const step& s, Sent&& sent, bool sums) {
    const std::vector<std::uint64_t> before = has;
    for (std::size_t i = 0; i < s.who.size(); ++i) {
      const std::vector<std::size_t> what = sent(i);
      REQUIRE(s.bytes * static_cast<double>(pieces) ==
              doctest::Approx(bytes * static_cast<double>(what.size())));
      for (std::size_t p : what) {
        const std::uint64_t x = before[s.who[i].source * pieces + p];
        std::uint64_t& y = at(s.who[i].target, p);
        if (sums) REQUIRE((x & y) == 0);
        y = sums ? x | y : x;
      }
    }
  }
  void check_all_reduced() {
    for (std::size_t i = 0; i < has.size(); ++i) REQUIRE(has[i] == all());
  }
};

// One ring step: rank i passes on the piece that its predecessor gave it in the step before.
std::size_t ring_piece(std::size_t i, std::size_t t, std::size_t n) { return (i + n * 64 - t) % n; }

constexpr double d = 960;

}  // namespace

TEST_CASE("a flat ring sums every piece of every rank and gives it to all") {
  for (std::size_t n : {5u, 6u, 7u, 9u, 31u, 63u}) {
    CAPTURE(n);
    const auto g = first(n);
    const auto steps = steps_of(source_of(collective::ring, g, d));
    REQUIRE(steps.size() == 2 * (n - 1));
    memory m{n, n, d};
    for (std::size_t t = 0; t < steps.size(); ++t)
      m.run(
          steps[t],
          [&](std::size_t i) {
            REQUIRE(steps[t].who[i] ==
                    flow{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>((i + 1) % n)});
            return std::vector{ring_piece(i, t, n)};
          },
          t < n - 1);
    m.check_all_reduced();
  }
}

TEST_CASE("a two-way ring sums half of the data each way round") {
  for (std::size_t n : {2u, 3u, 4u}) {
    const auto g = first(n);
    const auto steps = steps_of(source_of(collective::ring, g, d));
    REQUIRE(steps.size() == 2 * (n - 1));
    memory m{n, 2 * n, d};
    for (std::size_t t = 0; t < steps.size(); ++t)
      m.run(
          steps[t],
          [&](std::size_t i) {
            const std::size_t r = i / 2;  // forth, back, forth, back
            REQUIRE(steps[t].who[i].source == r);
            REQUIRE(steps[t].who[i].target == (i % 2 ? r + n - 1 : r + 1) % n);
            return std::vector{i % 2 ? n + (r + t) % n : ring_piece(r, t, n)};
          },
          t < n - 1);
    m.check_all_reduced();
  }
}

TEST_CASE("a hierarchical ring sums inside servers, then across, then spreads inside") {
  constexpr std::size_t q = 4;
  for (std::size_t s : {2u, 3u, 5u, 16u}) {
    const std::size_t n = q * s;
    CAPTURE(n);
    const auto g = first(n);
    const any_source all = source_of(collective::ring, g, d);
    const auto steps = steps_of(all);
    const std::size_t inside = q - 1, across = 2 * (s - 1);
    REQUIRE(steps.size() == 2 * inside + across);
    memory m{n, q * s, d};  // piece a·s + b: part b of slice a
    const auto slice = [&](std::size_t a) {
      std::vector<std::size_t> out;
      for (std::size_t b = 0; b < s; ++b) out.push_back(a * s + b);
      return out;
    };
    for (std::size_t t = 0; t < steps.size(); ++t)
      m.run(
          steps[t],
          [&](std::size_t i) -> std::vector<std::size_t> {
            const std::size_t j = i % q, k = i / q;
            if (t < inside) return slice(ring_piece(j, t, q));
            // After that, slice j + 1 of the server is whole in column j.
            const std::size_t mine = (j + 1) % q;
            if (t < inside + across) return {mine * s + ring_piece(k, t - inside, s)};
            return slice(ring_piece(mine, t - inside - across, q));
          },
          t < inside + s - 1);
    m.check_all_reduced();
  }
}

TEST_CASE("halving and doubling sums every piece for any number of ranks") {
  for (std::size_t n : {2u, 3u, 4u, 6u, 8u, 13u, 16u, 33u, 64u}) {
    CAPTURE(n);
    const auto g = first(n);
    const auto steps = steps_of(source_of(collective::halving_doubling, g, d));
    const std::size_t core = std::bit_floor(n);
    const auto log = static_cast<std::size_t>(std::bit_width(core)) - 1;
    const bool extra = core < n;
    memory m{n, core, d};
    std::vector<std::size_t> everything(core);
    for (std::size_t p = 0; p < core; ++p) everything[p] = p;
    for (std::size_t t = 0; t < steps.size(); ++t) {
      if (extra && (t == 0 || t + 1 == steps.size())) {
        m.run(
            steps[t], [&](std::size_t) { return everything; }, t == 0);
        continue;
      }
      const std::size_t k = t - extra;
      const bool halves = k < log;
      const std::size_t level = halves ? k : 2 * log - 1 - k;
      // At level l a rank keeps the pieces that agree with it in bits 0…l; it sends those that agree
      // with its partner while halving, and those that it has while doubling.
      m.run(
          steps[t],
          [&](std::size_t i) {
            const std::size_t whose = halves ? steps[t].who[i].target : steps[t].who[i].source;
            std::vector<std::size_t> out;
            const std::size_t low = (std::size_t{2} << level) - 1;
            for (std::size_t p = 0; p < core; ++p)
              if ((p & low) == (whose & low)) out.push_back(p);
            return out;
          },
          halves);
    }
    m.check_all_reduced();
  }
}

namespace {

// The steps of two trees over n/q servers of q ranks, who follow one another in each flow of servers: what column
// j sends lies in pieces 2·chunks·j and up.
void run_trees(memory& m, const std::vector<step>& steps, std::size_t q) {
  constexpr std::size_t chunks = traffic::tree::chunks;
  const std::size_t levels = steps.size() + 1 - chunks;
  REQUIRE(levels % 2 == 0);
  REQUIRE(levels / 2 <= static_cast<std::size_t>(std::bit_width(m.ranks / q - 1)));
  std::vector<std::size_t> size(levels);  // flows of each level: step e is the first with level e
  for (std::size_t e = 0; e < levels; ++e)
    size[e] = steps[e].who.size() - (e > 0 ? steps[e - 1].who.size() : 0);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    std::size_t at = 0;
    for (std::size_t e = 0; e < levels; ++e) {
      if (s < e || s - e >= chunks) continue;
      const step level{steps[s].bytes,
                       {steps[s].who.begin() + static_cast<std::ptrdiff_t>(at),
                        steps[s].who.begin() + static_cast<std::ptrdiff_t>(at + size[e])}};
      at += size[e];
      m.run(
          level,
          [&](std::size_t i) { return std::vector{2 * (chunks * (i % q) + s - e) + i / q % 2}; },
          e < levels / 2);
    }
    REQUIRE(at == steps[s].who.size());
  }
}

}  // namespace

TEST_CASE("two trees sum every chunk on the way up and give it to all on the way down") {
  for (std::size_t n = 2; n <= 64; ++n) {
    CAPTURE(n);
    const auto g = first(n);
    memory m{n, 2 * traffic::tree::chunks, d};
    run_trees(m, steps_of(source_of(collective::tree, g, d)), 1);
    m.check_all_reduced();
  }
}

TEST_CASE(
    "trees of servers sum inside servers, then each column over the trees, then spread inside") {
  constexpr std::size_t q = 4, piece = 2 * traffic::tree::chunks;  // of a column
  for (std::size_t s : {2u, 3u, 5u, 16u}) {
    const std::size_t n = q * s;
    CAPTURE(n);
    const auto g = first(n);
    const auto steps = steps_of(source_of(collective::server_tree, g, d));
    constexpr std::size_t inside = q - 1;
    REQUIRE(steps.size() > 2 * inside);
    memory m{n, q * piece, d};
    const auto slice = [&](std::size_t a) {
      std::vector<std::size_t> out;
      for (std::size_t b = 0; b < piece; ++b) out.push_back(a * piece + b);
      return out;
    };
    // Slice j comes to be whole in column j: what rank j adds last is what started at j + 1.
    for (std::size_t t = 0; t < inside; ++t)
      m.run(
          steps[t], [&](std::size_t i) { return slice(ring_piece(i % q + q - 1, t, q)); }, true);
    run_trees(m, {steps.begin() + inside, steps.end() - inside}, q);
    for (std::size_t t = 0; t < inside; ++t)
      m.run(
          steps[steps.size() - inside + t],
          [&](std::size_t i) { return slice(ring_piece(i % q, t, q)); }, false);
    m.check_all_reduced();
  }
}

TEST_CASE(
    "no rank has more than four flows of two trees each way and sends twice its data at most") {
  for (std::size_t n = 2; n <= 64; ++n) {
    CAPTURE(n);
    const auto g = first(n);
    const any_source all = source_of(collective::tree, g, d);
    std::vector<double> sent(n, 0), received(n, 0);
    int most = 0;
    for (const step& s : steps_of(all))
      for (const flow f : s.who) {
        sent[f.source] += s.bytes;
        received[f.target] += s.bytes;
      }
    flows out;
    double total = 0;
    traffic::incast_counter incast;
    for (std::size_t k = 0; k < all.size(); ++k) {
      (void)all.write(k, out);
      most = std::max(most, incast(out));
    }
    CHECK(most <= 4);
    for (std::size_t r = 0; r < n; ++r) {
      // Of D/2 each: up and two down in one tree, up in the other.
      CHECK(sent[r] <= 2 * d * 1.0000001);
      CHECK(received[r] <= 2 * d * 1.0000001);
      total += sent[r];
    }
    CHECK(total == doctest::Approx(2 * d * static_cast<double>(n - 1)));  // the least that will do
  }
}

TEST_CASE("an all-gather gives every piece to all and a reduce-scatter one whole piece to each") {
  for (std::size_t n : {2u, 3u, 8u, 63u}) {
    CAPTURE(n);
    const auto g = first(n);
    for (collective c : {collective::all_gather, collective::reduce_scatter}) {
      const auto steps = steps_of(source_of(c, g, d));
      REQUIRE(steps.size() == n - 1);
      memory m{n, n, d};
      if (c == collective::all_gather)  // each has its own piece and nothing else
        for (std::size_t r = 0; r < n; ++r)
          for (std::size_t p = 0; p < n; ++p) m.at(r, p) = r == p ? m.all() : 0;
      for (std::size_t t = 0; t < steps.size(); ++t)
        m.run(
            steps[t], [&](std::size_t i) { return std::vector{ring_piece(i, t, n)}; },
            c == collective::reduce_scatter);
      if (c == collective::all_gather) m.check_all_reduced();
      for (std::size_t r = 0; r < n; ++r) CHECK(m.at(r, (r + 1) % n) == m.all());
    }
  }
}

TEST_CASE("a broadcast reaches every rank once") {
  for (std::size_t n = 2; n <= 64; ++n) {
    CAPTURE(n);
    const auto g = first(n);
    const any_source all = source_of(collective::broadcast, g, d);
    CHECK(all.size() == static_cast<std::size_t>(std::bit_width(n - 1)));
    std::vector<int> times(n, 0);
    std::vector<bool> has(n, false);
    has[0] = true;
    for (const step& s : steps_of(all)) {
      const std::vector<bool> before = has;
      CHECK(s.bytes == d);
      for (const flow f : s.who) {
        CHECK(before[f.source]);
        ++times[f.target];
        has[f.target] = true;
      }
    }
    CHECK(times[0] == 0);
    CHECK(std::count(times.begin(), times.end(), 1) == static_cast<std::ptrdiff_t>(n - 1));
  }
}

TEST_CASE("both all-to-alls bring every piece from its source to its target") {
  for (std::size_t n : {2u, 4u, 6u, 8u, 12u, 64u})
    for (collective c : {collective::all_to_all, collective::hierarchical_all_to_all}) {
      CAPTURE(n);
      const auto g = first(n);
      const auto steps = steps_of(source_of(c, g, d));
      constexpr std::size_t q = 4;
      const bool is_hierarchical = c == collective::hierarchical_all_to_all && n % q == 0 && n > q;
      REQUIRE(steps.size() == (is_hierarchical ? q - 1 + n / q - 1 : n - 1));
      // at[a·n + b]: where the piece from a to b is; a rank's piece for itself stays.
      std::vector<std::size_t> at(n * n);
      for (std::size_t i = 0; i < at.size(); ++i) at[i] = i / n;
      for (std::size_t t = 0; t < steps.size(); ++t) {
        const auto before = at;
        const bool inside = is_hierarchical && t < q - 1;
        for (const flow f : steps[t].who) {
          std::size_t moved = 0;
          for (std::size_t i = 0; i < at.size(); ++i) {
            const std::size_t to = i % n;
            if (before[i] != f.source) continue;
            if (inside ? to % q != f.target % q || i / n != f.source : to != f.target) continue;
            at[i] = f.target;
            ++moved;
          }
          REQUIRE(static_cast<double>(moved) * d == doctest::Approx(steps[t].bytes));
        }
      }
      for (std::size_t i = 0; i < at.size(); ++i) REQUIRE(at[i] == i % n);
    }
}

TEST_CASE("a pipeline passes each boundary of stages once forth and once back") {
  const auto g = first(5);
  const auto steps = steps_of(source_of(collective::pipeline, g, d));
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].who == flows{{0, 1}, {1, 2}, {2, 3}, {3, 4}});
  CHECK(steps[1].who == flows{{1, 0}, {2, 1}, {3, 2}, {4, 3}});
  CHECK(steps[0].bytes == d);
  CHECK(steps[1].bytes == d);
}
