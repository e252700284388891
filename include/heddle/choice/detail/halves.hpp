// The best choice of some jobs' points while all others stay, found from two halves of the jobs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <heddle/choice/detail/half.hpp>
#include <heddle/choice/detail/half_lister.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// Meets in the middle.
///
/// At prices π a choice loses Σρ + π·(left over) against the bound, ρ being the reduced costs of its points,
/// and a better choice than the best one known loses less than the room between bound and best. So for each
/// half of the free jobs choices of small Σρ are listed. Of two from either half the uses must fit together in
/// every resource and leave almost nothing of those that are priced: both lists become k-d trees over uses times
/// prices and values, walked in pairs of boxes. A pair is passed over if its least uses do not fit, if its
/// largest leave too much, or if its best values do not add up to a better one. Where both lists hold all
/// choices that lose less than the room, nothing better exists.
///
/// Lists of N stand for N² choices; listing and sorting take O(N log N), pairs of boxes about N^1.3 with ten
/// resources. Boxes are compared in single precision with room for its rounding, what is found is added up in
/// double. No draws: the answer depends on the arguments alone. Allocation-free once warm. The halves are those
/// of Horowitz and Sahni (1974); the rest is derived.
class halves_search {
 public:
  struct result {
    double work = 0;  ///< pairs of boxes, choices listed, and ten for each point: some 30 ns each
    bool complete = false;  ///< no better choice of the free jobs exists
  };

  /// Reads `d` at `price`, at which no choice is worth more than `bound`. False if no resource has a price.
  bool start(const scaled_problem& d, const std::vector<double>& price, double bound) {
    bound_ = bound;
    return lister_.start(d, price);
  }

  /// Looks for a better choice than `best` among those in which only the jobs of `free` change: at most `most`
  /// choices of the first half of `free` with at most as many of the second. If none is known yet all jobs must
  /// be free, and it looks for one that loses at most `loss`. `go_on()` is asked every millisecond or so.
  template <class GoOn>
  result run(const scaled_problem& d, const std::vector<std::uint32_t>& free, best_choice& best,
             std::size_t most, double loss, GoOn go_on) {
    result out{.work = 10.0 * static_cast<double>(d.points())};  // for what comes before the lists
    d_ = &d;
    best_ = &best;
    loss_ = loss;
    prepare(free);
    if (!(room() > 0)) return {.work = out.work, .complete = true};
    const auto middle = free.begin() + static_cast<std::ptrdiff_t>(free.size() / 2);
    sides_[0].jobs.assign(free.begin(), middle);
    sides_[1].jobs.assign(middle, free.end());
    lister_.begin(d, left_, fixed_value_, room(), free);
    bool all = true;
    for (half& s : sides_) all = lister_.prepare(s) && all;
    for (std::size_t h = 0; h < 2; ++h) {
      all = lister_.list(sides_[h], sides_[1 - h], most) && all;
      out.work += static_cast<double>(lister_.listed());
      if (!go_on()) return out;
    }
    for (half& s : sides_) sort_(s, lister_.width());
    set_limits();
    pairs_ = 0;
    stop_ = false;
    if (sides_[0].size() > 0 && sides_[1].size() > 0) {
      switch (lister_.width()) {
      case 4:
        join<4>(0, 0, go_on);
        break;
      case 8:
        join<8>(0, 0, go_on);
        break;
      case 12:
        join<12>(0, 0, go_on);
        break;
      default:
        join<Eigen::Dynamic>(0, 0, go_on);
      }
    }
    out.work += static_cast<double>(pairs_);
    out.complete = all && !stop_;
    return out;
  }

 private:
  // What a choice must be worth more than, as far as numbers that are whole can tell.
  [[nodiscard]] double known() const {
    if (!best_->found) return bound_ - loss_;
    return best_->value + (d_->whole ? 1 - 1e-6 : 0);
  }
  // What the free jobs may lose; a little more, as losses are added up in single precision.
  [[nodiscard]] double room() const { return (bound_ - known() - fixed_loss_) * (1 + 1e-5); }

  // What the jobs that are not free leave and lose.
  void prepare(const std::vector<std::uint32_t>& free) {
    const scaled_problem& d = *d_;
    picked_.resize(d.jobs());
    for (std::size_t i = 0; i < d.jobs(); ++i)
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
        if (!best_->found || d.origin[k] == best_->point[d.job[i]]) picked_[i] = k;
    is_free_.assign(d.jobs(), 0);
    for (std::uint32_t i : free) is_free_[i] = 1;
    left_ = d.left;
    fixed_loss_ = 0;
    fixed_value_ = d.base;
    for (std::size_t i = 0; i < d.jobs(); ++i) {
      if (is_free_[i] != 0) continue;
      fixed_loss_ += lister_.cost(picked_[i]);
      fixed_value_ += d.value[picked_[i]];
      for (std::size_t r = 0; r < d.resources(); ++r) left_[r] -= d.row(picked_[i])[r];
    }
  }

  // What two choices may use together, what they must, and how much they may lose.
  void set_limits() {
    const std::size_t resources = d_->resources(), width = lister_.width();
    may_.assign(width, std::numeric_limits<float>::infinity());
    must_.assign(width, -std::numeric_limits<float>::infinity());
    double largest = 0;
    for (const half& s : sides_)
      if (!s.nodes.empty())
        for (std::size_t r = 0; r < width; ++r)
          largest = std::max(largest, static_cast<double>(s.box[width + r]));
    rounding_ = static_cast<float>(1e-5 * largest);
    for (std::size_t r = 0; r < resources; ++r) {
      may_[r] = lister_.left(r) + rounding_;
      if (lister_.is_priced(r)) must_[r] = lister_.left(r) - rounding_;
    }
    limit_losses();
  }
  void limit_losses() {
    room_ = static_cast<float>(room()) + rounding_;
    may_[d_->resources()] = static_cast<float>(lister_.most_value() - known()) + rounding_;
  }

  template <int Width>
  using row = Eigen::Map<const Eigen::Array<float, Width, 1>>;
  template <int Width>
  [[nodiscard]] row<Width> at(const std::vector<float>& rows, std::size_t n) const {
    return row<Width>(rows.data() + n * lister_.width(),
                      static_cast<Eigen::Index>(lister_.width()));
  }

  template <int Width, class GoOn>
  void join(std::uint32_t a, std::uint32_t b, GoOn& go_on) {
    if (++pairs_ % 16384 == 0) stop_ = stop_ || !go_on();
    if (stop_) return;
    const half &one = sides_[0], &two = sides_[1];
    const auto may = at<Width>(may_, 0), must = at<Width>(must_, 0);
    const auto least = at<Width>(one.box, 2 * a) + at<Width>(two.box, 2 * b);
    if ((least - may).maxCoeff() > 0) return;
    const auto most = at<Width>(one.box, 2 * a + 1) + at<Width>(two.box, 2 * b + 1);
    const half::node &x = one.nodes[a], &y = two.nodes[b];
    if ((must - most).max(0.0F).sum() + (x.loss + y.loss) > room_) return;
    if (x.child == 0 && y.child == 0) return meet<Width>(x, y);
    if (y.child == 0 || (x.child != 0 && x.end - x.begin >= y.end - y.begin)) {
      join<Width>(x.child, b, go_on);
      join<Width>(x.child + 1, b, go_on);
    } else {
      join<Width>(a, y.child, go_on);
      join<Width>(a, y.child + 1, go_on);
    }
  }

  template <int Width>
  void meet(const half::node& x, const half::node& y) {
    const half &one = sides_[0], &two = sides_[1];
    for (std::uint32_t i = x.begin; i < x.end; ++i)
      for (std::uint32_t j = y.begin; j < y.end; ++j)
        if ((at<Width>(one.at, i) + at<Width>(two.at, j) - at<Width>(may_, 0)).maxCoeff() <= 0)
          offer({i, j});
  }

  void offer(const std::array<std::uint32_t, 2>& pair) {
    const scaled_problem& d = *d_;
    for (std::size_t h = 0; h < 2; ++h) {
      const half& s = sides_[h];
      std::uint64_t code = s.code[pair[h]];
      for (std::size_t j = 0; j < s.jobs.size(); ++j) {
        const std::uint64_t count = s.first[j + 1] - s.first[j];
        picked_[s.jobs[j]] = s.item[s.first[j] + code % count];
        code /= count;
      }
    }
    double sum = 0;
    used_.assign(d.resources(), 0);
    for (std::uint32_t k : picked_) {
      sum += d.value[k];
      for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r];
    }
    if ((best_->found && !(d.base + sum > best_->value)) || !d.fits(used_.data())) return;
    best_->offer(d, picked_, d.base + sum);
    limit_losses();
  }

  const scaled_problem* d_ = nullptr;
  best_choice* best_ = nullptr;
  std::size_t pairs_ = 0;
  bool stop_ = false;
  double bound_ = 0, fixed_loss_ = 0, fixed_value_ = 0, loss_ = 0;
  float room_ = 0, rounding_ = 0;
  half_lister lister_;
  half_sorter sort_;
  std::array<half, 2> sides_;
  std::vector<double> left_, used_;
  std::vector<float> may_, must_;
  std::vector<std::uint32_t> picked_;
  std::vector<char> is_free_;
};

}  // namespace heddle::choice::detail
