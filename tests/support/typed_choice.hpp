// Choices of a type, a number of GPUs and a clock for many jobs.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <heddle/choice/problem.hpp>

namespace heddle::test {

/// Throughput grows with numbers and clocks and saturates, by another part for each job and type; power goes with the
/// cube of the clock. \param gpus  of all types together  \param watts  are scarce too  \param unit  draws from [0, 1)
template <class Unit>
choice::problem typed_choice(std::size_t jobs, std::size_t clocks, double gpus, bool watts,
                             Unit&& unit) {
  choice::problem p;
  p.begin = {0};
  for (std::size_t i = 0; i < jobs; ++i) {
    const double share = 0.02 + 0.3 * unit(), bound = 0.1 + 0.8 * unit(), worth = std::exp(unit());
    double type_speed = 1;
    for (std::size_t t = 0; t < 3; ++t, type_speed *= 0.4 + 0.5 * unit())
      for (const double n : {1, 2, 4, 8, 16, 24, 32, 40})
        for (std::size_t k = 1; k <= clocks; ++k) {
          const double clock = 0.6 + 0.8 * static_cast<double>(k) / static_cast<double>(clocks);
          const double speed = type_speed * n / (bound + (1 - bound) / clock + share * (n - 1));
          p.value.push_back(worth * std::log1p(speed));
          for (std::size_t r = 0; r < 3; ++r) p.use.push_back(r == t ? n : 0);
          if (watts) p.use.push_back(n * (60 + 120 * clock * clock * clock));
        }
    p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
  }
  p.capacity.assign(3, std::floor(gpus / 3));
  if (watts) p.capacity.push_back(gpus * 110);
  return p;
}

}  // namespace heddle::test
