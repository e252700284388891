// Claim: the inner loop of the biclique search, an intersection with its size, is faster on the
// rows of a bit_matrix than on boost::dynamic_bitset, which has no three-operand AND.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/dynamic_bitset.hpp>

#include <heddle/core/bits.hpp>
#include <heddle/core/random.hpp>

using namespace heddle;

namespace {

constexpr std::size_t rows = 256;

bool bit(std::uint64_t row, std::uint64_t column) { return stream{row, column, "bit"}() & 1u; }

void matrix_intersect(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  bit_matrix m{rows, columns};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      if (bit(r, c)) set_bit(m[r], c);
  std::vector<word> out(m.words());
  for (auto _ : state) {
    int sum = 0;
    for (std::size_t r = 0; r + 1 < rows; ++r) sum += intersect(m[r], m[r + 1], out);
    benchmark::DoNotOptimize(sum);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows - 1));
}

std::vector<boost::dynamic_bitset<>> dynamic_bitsets(std::size_t columns) {
  std::vector<boost::dynamic_bitset<>> m(rows, boost::dynamic_bitset<>(columns));
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) m[r][c] = bit(r, c);
  return m;
}

// As fast as it gets: one scratch set for all, assigned and intersected in place, then counted.
void dynamic_bitset_intersect(benchmark::State& state) {
  const auto columns = static_cast<std::size_t>(state.range(0));
  const auto m = dynamic_bitsets(columns);
  boost::dynamic_bitset<> out(columns);
  for (auto _ : state) {
    std::size_t sum = 0;
    for (std::size_t r = 0; r + 1 < rows; ++r) {
      out = m[r];
      out &= m[r + 1];
      sum += out.count();
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows - 1));
}

// As one writes it.
void dynamic_bitset_and(benchmark::State& state) {
  const auto m = dynamic_bitsets(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    std::size_t sum = 0;
    for (std::size_t r = 0; r + 1 < rows; ++r) sum += (m[r] & m[r + 1]).count();
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows - 1));
}

BENCHMARK(matrix_intersect)->Arg(32)->Arg(64)->Arg(128)->Arg(512);
BENCHMARK(dynamic_bitset_intersect)->Arg(32)->Arg(64)->Arg(128)->Arg(512);
BENCHMARK(dynamic_bitset_and)->Arg(32)->Arg(64)->Arg(128)->Arg(512);

}  // namespace
