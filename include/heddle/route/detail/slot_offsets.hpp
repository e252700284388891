// Colours of what each leaf sends to each slot of the others, such that no shift of the ranks puts two flows on a link.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace heddle::route::detail {

/// Leafs of any sizes, w links of each to the same spines, one for each colour; one leaf, the *rest*, may have the
/// first n_z colours alone. What leaf i sends to slot s of leaf j has colour
///
///     (b_ij + s) mod w                                 from and to leafs that are not the rest
///     s                                                to the rest
///     (a + ranks from the rest's end to the target) mod n_z   from the rest
///
/// or, where a leaf is no smaller than all others together, each other leaf has n_i colours to itself, over which
/// what goes to it, and in turns what it sends to the large one; the rest sends all over its own.
///
/// Of a shift x → x + k mod N leaf i sends n_i targets in a row, less its own ranks: so colours of targets less
/// than n_i apart differ. Targets s < t of leaf j come from leafs u and v, in this order after j and with g
/// ranks between them, in one shift if g < t − s < g + n_u + n_v: then they differ too. Both are bounds on
/// differences of two offsets, so offsets are found most constrained first, with turning back. Derived
/// (docs/concepts/routing.md).
class slot_offsets {
 public:
  static constexpr std::uint32_t no_rest = ~std::uint32_t{0};
  static constexpr std::size_t most_leafs = 8, most_colours = 64;

  struct problem {
    std::vector<std::uint32_t> sizes = {};   ///< of leafs, in the order of ranks
    std::vector<std::uint32_t> spines = {};  ///< by colour
    std::uint32_t rest = no_rest;
    friend bool operator==(const problem&, const problem&) = default;
  };

  /// \param budget  choices that are made at most; lessened by those made
  /// \returns  whether there are such colours, as far as was looked
  bool solve(problem asked, std::size_t& budget) {
    p_ = std::move(asked);
    leafs_ = p_.sizes.size();
    colours_ = static_cast<std::uint32_t>(p_.spines.size());
    start_.assign(1, 0);
    for (std::uint32_t n : p_.sizes) start_.push_back(start_.back() + n);
    if (leafs_ < 3 || leafs_ > most_leafs || colours_ == 0 || colours_ > most_colours) return false;
    for (std::uint32_t n : p_.sizes)
      if (n == 0 || std::min(n, ranks() - n) > colours_) return false;
    colour_.assign(leafs_ * ranks(), 0);
    joins_ = false;
    left_ = budget;
    const bool found = look();
    budget = left_;
    return found;
  }
  /// Of what leaf `from` sends to a slot of leaf `to`, other leafs of the job, by their places.
  [[nodiscard]] std::uint32_t operator()(std::size_t from, std::size_t to,
                                         std::uint32_t slot) const {
    return colour_[from * ranks() + start_[to] + slot];
  }
  /// Of the link by which it comes down.
  [[nodiscard]] std::uint32_t down(std::size_t from, std::size_t to, std::uint32_t slot) const {
    return down_[from * ranks() + start_[to] + slot];
  }

 private:
  using mask = std::uint64_t;  // of colours
  using masks = std::array<mask, most_leafs * most_leafs>;

  [[nodiscard]] std::uint32_t ranks() const { return start_.back(); }
  [[nodiscard]] std::size_t after(std::size_t j, std::size_t by) const { return (j + by) % leafs_; }
  /// Ranks after leaf i and before leaf j.
  [[nodiscard]] std::uint32_t between(std::size_t i, std::size_t j) const {
    return (start_[j] + ranks() - start_[i + 1]) % ranks();
  }
  [[nodiscard]] std::size_t variable(std::size_t i, std::size_t j) const { return i * leafs_ + j; }

  bool look() {
    const std::uint32_t given = p_.rest;
    if (given == no_rest) {
      if (look_for_offsets(0)) return true;
      // A leaf with all links may keep to some of them.
      p_.rest = static_cast<std::uint32_t>(std::min_element(p_.sizes.begin(), p_.sizes.end()) -
                                           p_.sizes.begin());
    }
    if (p_.sizes[p_.rest] > colours_) return false;
    for (const bool joined : {false, true}) {
      joins_ = joined;
      for (std::uint32_t a = 0; a < p_.sizes[p_.rest] && left_ > 0; ++a)
        if (look_for_offsets(a)) return true;
    }
    return share_colours();
  }

  // Offsets.

  bool look_for_offsets(std::uint32_t a) {
    const mask all = colours_ == 64 ? ~mask{0} : (mask{1} << colours_) - 1;
    masks open{};
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < leafs_; ++i)
      for (std::size_t j = 0; j < leafs_; ++j) {
        if (i == j || i == p_.rest) continue;
        mask& m = open[variable(i, j)];
        m = j == p_.rest ? mask{1} : p_.rest != no_rest ? all & ~beside_rest(i, j, a) : all;
        if (m == 0) return false;
        free.push_back(variable(i, j));
      }
    if (p_.rest == no_rest) open[free.front()] = 1;  // colours may be turned
    forbid();
    offset_.assign(leafs_ * leafs_, 0);
    if (!choose(open, free)) return false;
    for (std::size_t i = 0; i < leafs_; ++i)
      for (std::size_t j = 0; j < leafs_; ++j)
        for (std::uint32_t s = 0; i != j && s < p_.sizes[j]; ++s)
          set(i, j, s,
              i == p_.rest ? rests_colour(j, s, a) : (offset_[variable(i, j)] + s) % colours_);
    return fits();
  }
  /// What the rest sends to a card over a spine comes down the link that others use.
  void join() {
    down_ = colour_;
    if (!joins_) return;
    for (std::size_t j = 0; j < leafs_; ++j)
      for (std::size_t u = 0; u < leafs_; ++u)
        for (std::uint32_t s = 0; j != p_.rest && u != j && u != p_.rest && s < p_.sizes[j]; ++s)
          if (p_.spines[(*this)(u, j, s)] == p_.spines[(*this)(p_.rest, j, s)])
            down_[p_.rest * ranks() + start_[j] + s] = (*this)(u, j, s);
  }
  [[nodiscard]] std::uint32_t rests_colour(std::size_t j, std::uint32_t s, std::uint32_t a) const {
    return (a + between(p_.rest, j) + s) % p_.sizes[p_.rest];
  }
  void set(std::size_t i, std::size_t j, std::uint32_t s, std::uint32_t colour) {
    colour_[i * ranks() + start_[j] + s] = colour;
  }
  /// Offsets with which what leaf i sends to leaf j meets what the rest sends there.
  [[nodiscard]] mask beside_rest(std::size_t i, std::size_t j, std::uint32_t a) const {
    const auto of = [&](std::size_t k) { return (k + leafs_ - j) % leafs_; };
    const bool first = of(i) < of(p_.rest);
    const std::uint32_t gap = first ? between(i, p_.rest) : between(p_.rest, i);
    const auto most = gap + p_.sizes[i] + p_.sizes[p_.rest];
    mask out = 0;
    for (std::uint32_t s = 0; s < p_.sizes[j]; ++s) {
      const std::uint32_t c = rests_colour(j, s, a);
      for (std::uint32_t t = 0; t < p_.sizes[j]; ++t)
        if (first ? s > t && s - t > gap && s - t < most : t > s && t - s > gap && t - s < most)
          out |= mask{1} << (c + colours_ - t % colours_) % colours_;
      // To one card over two links of a spine.
      for (std::uint32_t x = 0; x < colours_ && !joins_; ++x)
        if (x != c && p_.spines[x] == p_.spines[c])
          out |= mask{1} << (x + colours_ - s % colours_) % colours_;
    }
    return out;
  }
  /// b_x − b_y is none of first … last.
  void forbid(std::size_t x, std::size_t y, int first, int last) {
    const int w = static_cast<int>(colours_);
    for (int d = first; d <= last && d < first + w; ++d) {
      const auto by = static_cast<std::uint32_t>((d % w + w) % w);
      forbidden_[x * leafs_ * leafs_ + y] |= mask{1} << by;
      forbidden_[y * leafs_ * leafs_ + x] |= mask{1} << (colours_ - by) % colours_;
    }
  }
  void forbid() {
    forbidden_.assign(leafs_ * leafs_ * leafs_ * leafs_, 0);
    const auto n = [&](std::size_t k) { return static_cast<int>(p_.sizes[k]); };
    for (std::size_t j = 0; j < leafs_; ++j)
      for (std::size_t x = 1; x < leafs_; ++x)
        for (std::size_t y = x + 1; y < leafs_; ++y) {
          const std::size_t u = after(j, x), v = after(j, y);
          const int gap = static_cast<int>(between(u, v));
          if (j != p_.rest)  // up from j, first to u and then to v
            forbid(variable(j, v), variable(j, u), std::max(n(u) + gap - n(j), -n(v)) + 1,
                   n(u) - 1);
          if (u == p_.rest || v == p_.rest) continue;  // down to j, from u and v
          forbid(variable(u, j), variable(v, j), gap + 1, std::min(n(j), gap + n(u) + n(v)) - 1);
          for (std::uint32_t c = 0; c < colours_; ++c)
            for (std::uint32_t d = 1; d < colours_; ++d)
              if (p_.spines[c] == p_.spines[(c + d) % colours_])
                forbid(variable(u, j), variable(v, j), static_cast<int>(d), static_cast<int>(d));
        }
  }
  bool choose(const masks& open, std::vector<std::size_t>& free) {
    if (free.empty()) return true;
    const auto at = std::min_element(free.begin(), free.end(), [&](std::size_t x, std::size_t y) {
      return std::popcount(open[x]) < std::popcount(open[y]);
    });
    const std::size_t here = *at;
    const auto place = at - free.begin();
    free.erase(at);
    for (mask m = open[here]; m != 0; m &= m - 1) {
      if (left_ == 0) break;
      --left_;
      const auto b = static_cast<std::uint32_t>(std::countr_zero(m));
      masks next = open;
      bool good = true;
      for (std::size_t o : free) {
        next[o] &= ~turned(forbidden_[o * leafs_ * leafs_ + here], b);
        good = good && next[o] != 0;
      }
      offset_[here] = b;
      if (good && choose(next, free)) return true;
    }
    free.insert(free.begin() + place, here);
    return false;
  }
  [[nodiscard]] mask turned(mask m, std::uint32_t by) const {
    return by == 0 ? m : m << by | m >> (colours_ - by);
  }

  // Colours of a leaf's own.

  bool share_colours() {
    const auto large = static_cast<std::size_t>(std::max_element(p_.sizes.begin(), p_.sizes.end()) -
                                                p_.sizes.begin());
    if (large == p_.rest || ranks() - p_.sizes[large] > colours_) return false;
    std::vector<std::uint32_t> first(leafs_, 0);
    std::uint32_t next = p_.sizes[p_.rest];
    for (std::size_t i = 0; i < leafs_; ++i)
      if (i != large && i != p_.rest) first[i] = std::exchange(next, next + p_.sizes[i]);
    for (std::size_t i = 0; i < leafs_; ++i)
      for (std::size_t j = 0; j < leafs_; ++j)
        for (std::uint32_t s = 0; i != j && s < p_.sizes[j]; ++s)
          set(i, j, s,
              i == p_.rest || j == large ? first[i] + (between(i, j) + s) % p_.sizes[i]
                                         : first[j] + s);
    return fits();
  }

  // Whether it is so.

  [[nodiscard]] bool fits() {
    join();
    for (std::size_t i = 0; i < leafs_; ++i)
      if (!fits_up(i) || !fits_down(i)) return false;
    return true;
  }
  [[nodiscard]] bool fits_up(std::size_t i) const {
    std::array<std::uint32_t, most_colours> last{};  // one after the target last met
    std::uint32_t at = 0;
    for (std::size_t x = 1; x < leafs_; ++x)
      for (std::uint32_t s = 0; s < p_.sizes[after(i, x)]; ++s, ++at) {
        std::uint32_t& l = last[(*this)(i, after(i, x), s)];
        if (l > 0 && at + 1 - l < p_.sizes[i]) return false;
        l = at + 1;
      }
    return true;
  }
  [[nodiscard]] bool fits_down(std::size_t j) const {
    const std::uint32_t n = p_.sizes[j];
    for (std::uint32_t s = 0; joins_ && j != p_.rest && s < n; ++s)  // what was joined, by itself
      for (std::uint32_t t = s + 1; t < std::min(n, s + p_.sizes[p_.rest]); ++t)
        if (down(p_.rest, j, s) == down(p_.rest, j, t)) return false;
    for (std::size_t x = 1; x < leafs_; ++x)
      for (std::size_t y = x + 1; y < leafs_; ++y) {
        const std::size_t u = after(j, x), v = after(j, y);
        const std::uint32_t gap = between(u, v), most = gap + p_.sizes[u] + p_.sizes[v];
        for (std::uint32_t s = 0; s < n; ++s) {
          const std::uint32_t c = down(u, j, s), d = down(v, j, s);
          if (c != d && p_.spines[c] == p_.spines[d]) return false;
          for (std::uint32_t t = s + gap + 1; t < std::min(n, s + most); ++t)
            if (c == down(v, j, t)) return false;
        }
      }
    return true;
  }

  problem p_;
  std::size_t leafs_ = 0, left_ = 0;
  std::uint32_t colours_ = 0;
  std::vector<std::uint32_t> start_;   // of a leaf's ranks
  std::vector<std::uint32_t> colour_;  // by source's place and target's rank
  std::vector<std::uint32_t> down_;    // the same
  bool joins_ = false;                 // over one spine to a card by one link
  std::vector<std::uint32_t> offset_;  // by variable
  std::vector<mask> forbidden_;        // differences, by two variables
};

}  // namespace heddle::route::detail
