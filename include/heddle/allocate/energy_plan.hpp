// What a cluster spends over time at each of some prices of energy, known beforehand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace heddle::allocate {

/// The courses that the energy of a cluster takes at some constant prices, and which price lasts. Where the work of a
/// time is known, they are what a simulation of it says (`sim::rehearse`). A value, one writer.
class energy_plan {
 public:
  /// Energy of the whole cluster since the beginning, straight between its marks.
  class course {
   public:
    explicit course(double price) : price_(price) {}

    [[nodiscard]] double price() const { return price_; }
    /// The time of the last mark.
    [[nodiscard]] double until_s() const { return last_.at_s; }
    /// Later than all before. \param every_s  marks that are nearer to the last than that are left out
    void mark(double at_s, double energy_j, double every_s = 0) {
      last_ = {at_s, energy_j};
      if (marks_.empty() || at_s >= marks_.back().at_s + every_s) marks_.push_back(last_);
    }
    /// O(log marks). Nothing more is spent after the last mark.
    [[nodiscard]] double energy_j(double at_s) const {
      const auto next = std::upper_bound(marks_.begin(), marks_.end(), at_s,
                                         [](double t, const marked& m) { return t < m.at_s; });
      if (next == marks_.begin()) return marks_.empty() ? 0 : marks_.front().energy_j;
      const marked& from = *(next - 1);
      const marked& to = next == marks_.end() ? last_ : *next;
      if (at_s >= to.at_s) return to.energy_j;
      return from.energy_j +
             (at_s - from.at_s) / (to.at_s - from.at_s) * (to.energy_j - from.energy_j);
    }

   private:
    struct marked {
      double at_s = 0, energy_j = 0;
    };
    double price_ = 0;
    std::vector<marked> marks_;
    marked last_;
  };

  /// In any order, one of each price.
  void add(course c) {
    const auto at =
        std::upper_bound(courses_.begin(), courses_.end(), c.price(),
                         [](double p, const course& other) { return p < other.price(); });
    courses_.insert(at, std::move(c));
  }
  /// When the last of the courses ends.
  [[nodiscard]] double until_s() const {
    double last_s = 0;
    for (const course& c : courses_) last_s = std::max(last_s, c.until_s());
    return last_s;
  }

  /// What is spent between two times at a price, straight between those that are known, in J.
  [[nodiscard]] double spent_j(double price, double from_s, double to_s) const {
    if (courses_.empty()) return 0;
    const auto of = [&](const course& c) { return c.energy_j(to_s) - c.energy_j(from_s); };
    std::size_t k = 0;
    while (k < courses_.size() && courses_[k].price() <= price) ++k;
    if (k == 0) return of(courses_.front());
    const double below_j = of(courses_[k - 1]);
    if (k == courses_.size()) return below_j;
    const double part =
        (price - courses_[k - 1].price()) / (courses_[k].price() - courses_[k - 1].price());
    return below_j + part * (of(courses_[k]) - below_j);
  }
  /// The least price at which no more than `left_j` is spent between two times, or than nearly the least that any
  /// price spends then: beyond, jobs would be slowed down for nothing. O(courses · log marks).
  [[nodiscard]] double price_for(double left_j, double from_s, double to_s) const {
    if (courses_.empty()) return 0;
    const auto of = [&](const course& c) { return c.energy_j(to_s) - c.energy_j(from_s); };
    double least_j = of(courses_.front());
    const double most_j = least_j;
    for (const course& c : courses_) least_j = std::min(least_j, of(c));
    left_j = std::max(left_j, least_j + too_little * (most_j - least_j));
    double before_j = most_j, before = courses_.front().price();
    for (const course& c : courses_) {
      const double joules = of(c);
      if (joules <= left_j) {
        const double over_j = before_j - joules;
        return over_j > 0 ? before + (before_j - left_j) / over_j * (c.price() - before)
                          : c.price();
      }
      before_j = joules;
      before = c.price();
    }
    return before;
  }

 private:
  static constexpr double too_little = .03;  // of what prices save at most

  std::vector<course> courses_;  // by price
};

}  // namespace heddle::allocate
