// Half of the jobs in a search that meets in the middle: a list of their choices, as a tree of boxes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace heddle::choice::detail {

/// A list of choices of half the jobs. Coordinates are uses times prices, then the value's negative, both
/// less what the jobs use at least and are worth at most; `width` of them a choice.
struct half {
  struct node {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t child = 0;  // the first of two; 0: a leaf
    float loss = 0;           // the least of its choices
  };
  std::vector<std::uint32_t> jobs;
  std::vector<std::uint32_t> first, item;  // each job's points by reduced cost
  std::vector<float> step;                 // the points' coordinates
  std::vector<float> at, loss;
  std::vector<std::uint64_t> code;  // the points' ranks among their job's, in mixed radix
  std::vector<float> mean, spread;  // and variance of the coordinates at the temperature
  std::vector<node> nodes;
  std::vector<float> box;  // of each node: least, then largest coordinates

  [[nodiscard]] std::size_t size() const { return loss.size(); }
};

/// Makes a list a tree whose boxes are halved across their longest side. Keeps its memory.
class half_sorter {
 public:
  void operator()(half& s, std::size_t width) {
    const std::size_t size = s.size();
    order_.resize(size);
    std::iota(order_.begin(), order_.end(), 0U);
    s.nodes.clear();
    s.box.clear();
    if (size == 0) return;
    s.nodes.push_back({.begin = 0, .end = static_cast<std::uint32_t>(size)});
    for (std::size_t n = 0; n < s.nodes.size(); ++n) {
      half::node here = s.nodes[n];
      s.box.resize((n + 1) * 2 * width);
      float *low = s.box.data() + n * 2 * width, *high = low + width;
      std::fill_n(low, width, std::numeric_limits<float>::infinity());
      std::fill_n(high, width, -std::numeric_limits<float>::infinity());
      here.loss = std::numeric_limits<float>::infinity();
      for (std::uint32_t q = here.begin; q < here.end; ++q) {
        const float* at = s.at.data() + order_[q] * width;
        for (std::size_t r = 0; r < width; ++r) {
          low[r] = std::min(low[r], at[r]);
          high[r] = std::max(high[r], at[r]);
        }
        here.loss = std::min(here.loss, s.loss[order_[q]]);
      }
      std::size_t longest = 0;
      for (std::size_t r = 1; r < width; ++r)
        if (high[r] - low[r] > high[longest] - low[longest]) longest = r;
      if (here.end - here.begin > leaf && high[longest] > low[longest]) {
        const std::uint32_t middle = here.begin + (here.end - here.begin) / 2;
        const auto from = order_.begin();
        std::nth_element(from + here.begin, from + middle, from + here.end,
                         [&](std::uint32_t a, std::uint32_t b) {
                           const float x = s.at[a * width + longest], y = s.at[b * width + longest];
                           return x != y ? x < y : a < b;
                         });
        here.child = static_cast<std::uint32_t>(s.nodes.size());
        s.nodes.push_back({.begin = here.begin, .end = middle});
        s.nodes.push_back({.begin = middle, .end = here.end});
      }
      s.nodes[n] = here;
    }
    at_.resize(s.at.size());
    loss_.resize(size);
    code_.resize(size);
    for (std::size_t q = 0; q < size; ++q) {
      std::copy_n(s.at.data() + order_[q] * width, width, at_.data() + q * width);
      loss_[q] = s.loss[order_[q]];
      code_[q] = s.code[order_[q]];
    }
    s.at.swap(at_);
    s.loss.swap(loss_);
    s.code.swap(code_);
  }

 private:
  static constexpr std::size_t leaf = 4;  // choices

  std::vector<std::uint32_t> order_;
  std::vector<float> at_, loss_;
  std::vector<std::uint64_t> code_;
};

}  // namespace heddle::choice::detail
