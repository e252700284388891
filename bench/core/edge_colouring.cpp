// Claim: a regular bipartite multigraph is coloured several times faster by Euler splits over paired
// slots than by plain alternating paths, 1024 + 1024 vertices of degree 64 at least 2.5 times; and
// the method chosen by shape is the faster one.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/edge_colouring.hpp>
#include <heddle/core/random.hpp>

using namespace heddle;

namespace {

// The textbook: the lowest colour free at the left, the lowest free at the right; if they differ, the
// alternating path from the right is swapped.
class plain_alternating_paths {
 public:
  std::span<const std::uint32_t> operator()(std::size_t lefts, std::size_t rights,
                                            std::span<const bipartite_edge> edges,
                                            std::size_t colours) {
    left_.assign(lefts * colours, nobody);
    right_.assign(rights * colours, nobody);
    colour_.resize(edges.size());
    for (std::uint32_t e = 0; e < edges.size(); ++e) {
      const auto [u, v] = edges[e];
      std::uint32_t a = 0, b = 0;
      while (left_[u * colours + a] != nobody) ++a;
      while (right_[v * colours + b] != nobody) ++b;
      if (a != b) {
        path_.clear();
        for (std::uint32_t f = right_[v * colours + a]; f != nobody;) {
          path_.push_back(f);
          f = left_[edges[f].left * colours + b];
          if (f == nobody) break;
          path_.push_back(f);
          f = right_[edges[f].right * colours + a];
        }
        for (std::uint32_t f : path_)
          left_[edges[f].left * colours + colour_[f]] =
              right_[edges[f].right * colours + colour_[f]] = nobody;
        for (std::uint32_t f : path_) give(edges[f], f, colour_[f] == a ? b : a, colours);
      }
      give(edges[e], e, a, colours);
    }
    return colour_;
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
  void give(const bipartite_edge& at, std::uint32_t e, std::uint32_t c, std::size_t colours) {
    colour_[e] = c;
    left_[at.left * colours + c] = right_[at.right * colours + c] = e;
  }
  std::vector<std::uint32_t> left_, right_, colour_, path_;
};

// The sum of `degree` random permutations.
std::vector<bipartite_edge> regular(std::size_t n, std::size_t degree) {
  std::vector<bipartite_edge> edges;
  std::vector<std::uint32_t> to(n);
  stream random{1, n * degree, "edges"};
  for (std::size_t k = 0; k < degree; ++k) {
    for (std::uint32_t v = 0; v < n; ++v) to[v] = v;
    for (std::size_t i = n; i > 1; --i) std::swap(to[i - 1], to[random() % i]);
    for (std::uint32_t u = 0; u < n; ++u) edges.push_back({u, to[u]});
  }
  for (std::size_t i = edges.size(); i > 1; --i) std::swap(edges[i - 1], edges[random() % i]);
  return edges;
}

// Each vertex pair has an edge with the same chance: degrees differ.
std::vector<bipartite_edge> uneven(std::size_t n, std::size_t mean_degree) {
  std::vector<bipartite_edge> edges(n * mean_degree);
  stream random{2, n * mean_degree, "edges"};
  for (bipartite_edge& e : edges)
    e = {static_cast<std::uint32_t>(random() % n), static_cast<std::uint32_t>(random() % n)};
  return edges;
}

std::size_t largest_degree(std::size_t n, std::span<const bipartite_edge> edges) {
  std::vector<std::size_t> left(n), right(n);
  std::size_t most = 0;
  for (const bipartite_edge& e : edges) most = std::max({most, ++left[e.left], ++right[e.right]});
  return most;
}

template <class Colour>
void run(benchmark::State& state, Colour&& colour, bool is_regular) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto degree = static_cast<std::size_t>(state.range(1));
  const std::vector<bipartite_edge> edges = is_regular ? regular(n, degree) : uneven(n, degree);
  const std::size_t colours = largest_degree(n, edges);
  for (auto _ : state) benchmark::DoNotOptimize(colour(n, n, edges, colours).data());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(edges.size()));
}

void plain(benchmark::State& state, bool is_regular) {
  run(state, plain_alternating_paths{}, is_regular);
}
void heddle_by(benchmark::State& state, bool is_regular, colouring_method how) {
  run(
      state,
      [colour = edge_colouring{}, how](auto... args) mutable { return colour(args..., how); },
      is_regular);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "degree"})->Unit(benchmark::kMicrosecond);
  for (auto [n, degree] : {std::pair{256, 64}, {1024, 16}, {1024, 64}, {1024, 256}, {1024, 255}})
    b->Args({n, degree});
}
void small_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "degree"})->Unit(benchmark::kMicrosecond);
  for (auto [n, degree] :
       {std::pair{4, 8}, {8, 32}, {16, 32}, {64, 8}, {64, 64}, {64, 33}, {256, 4}})
    b->Args({n, degree});
}
BENCHMARK_CAPTURE(plain, regular, true)->Apply(shapes)->Apply(small_shapes);
BENCHMARK_CAPTURE(heddle_by, regular_by_shape, true, colouring_method::by_shape)
    ->Apply(shapes)
    ->Apply(small_shapes);
BENCHMARK_CAPTURE(heddle_by, regular_one_by_one, true, colouring_method::one_by_one)
    ->Apply(shapes)
    ->Apply(small_shapes);
BENCHMARK_CAPTURE(heddle_by, regular_by_halves, true, colouring_method::by_halves)
    ->Apply(shapes)
    ->Apply(small_shapes);
BENCHMARK_CAPTURE(plain, uneven, false)->Apply(small_shapes);
BENCHMARK_CAPTURE(heddle_by, uneven_one_by_one, false, colouring_method::one_by_one)
    ->Apply(small_shapes)
    ->Args({1024, 64});
BENCHMARK_CAPTURE(heddle_by, uneven_by_halves, false, colouring_method::by_halves)
    ->Apply(small_shapes)
    ->Args({1024, 64});

}  // namespace
