// The queue in its order.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/gpu_types.hpp>
#include <heddle/order/order.hpp>
#include <heddle/schedule/detail/identity.hpp>

namespace heddle::schedule {

/// As a depth of admission: all that wait are looked at.
inline constexpr std::size_t whole_queue = std::numeric_limits<std::size_t>::max();

/// What a waiting job asks for, as far as admission goes through a long queue by it.
struct queued_ask {
  std::int32_t gpus = 0;
  /// A number for each virtual cluster, and type of GPU where there are several; 0: none. `like_no_other`: it may have
  /// several types, and what is refused to one such job another may have.
  std::uint32_t tenant = 0;
  double run_s = 0;  ///< run time left at the fastest of its points for `gpus`

  static constexpr std::uint32_t like_no_other = 0xffff'ffff;
};

/// Puts the waiting jobs of a state in an order, and remembers how many stand in it since when, so that
/// a queue of thousands is not gone through for one more; and what each asks for, side by side, so that
/// 100 000 are gone through in a tenth of a millisecond. Another state than the last is put in order
/// from the beginning. One writer.
class queue {
 public:
  /// Jobs that stand in order.
  [[nodiscard]] std::size_t size() const { return asks_.size(); }
  /// What the i-th of them asks for.
  [[nodiscard]] const queued_ask& ask(std::size_t i) const { return asks_[i]; }

  /// Rises whenever those in order change but by newcomers at the end and by those that begin.
  [[nodiscard]] std::size_t changes() const { return changes_; }

  /// Puts newcomers in their places. Those that were there keep their order among themselves, unless
  /// jobs have become overdue: have waited `patience_s`.
  template <class State, order::OrderPolicy Order>
  void put_in_order(State& s, Order& by, double patience_s) {
    const auto goes_first = [&](std::uint32_t a, std::uint32_t b) {
      return order::before(by, s.jobs[a].queue_entry(s.now_s, patience_s),
                           s.jobs[b].queue_entry(s.now_s, patience_s));
    };
    if (!s.identity().is(of_) || size() > s.waiting.size()) {
      of_ = s.identity().known_by();
      asks_.clear();
      ++changes_;
    } else if (some_became_overdue(s, patience_s)) {
      std::sort(s.waiting.begin(), s.waiting.end(), goes_first);
      ++changes_;
      asks_.clear();
      for (std::uint32_t slot : s.waiting) asks_.push_back(ask_of(s, slot));
    }
    while (size() < s.waiting.size()) {
      const auto newcomer = s.waiting.begin() + static_cast<std::ptrdiff_t>(size());
      const auto place = std::upper_bound(s.waiting.begin(), newcomer, *newcomer, goes_first);
      changes_ += place != newcomer;
      asks_.insert(asks_.begin() + (place - s.waiting.begin()), ask_of(s, *newcomer));
      std::rotate(place, newcomer, newcomer + 1);
    }
    since_s_ = s.now_s;
  }

  /// Notes that a job of the queue runs now; it stands there until `drop_begun`.
  void begins(std::uint32_t slot) { begun_.push_back(slot); }
  void nobody_has_begun() { begun_.clear(); }
  /// A job that has begun in this decision stops again: where it stood nobody stands.
  template <class State>
  void has_stopped(State& s, std::uint32_t slot) {
    if (std::erase(begun_, slot) == 0) return;
    const auto at = std::find(s.waiting.begin(), s.waiting.end(), slot) - s.waiting.begin();
    s.waiting.erase(s.waiting.begin() + at);
    asks_.erase(asks_.begin() + at);
    ++changes_;
  }
  /// Takes those out that have begun.
  template <class State>
  void drop_begun(State& s) {
    if (begun_.empty()) return;
    is_begun_.resize(std::max(is_begun_.size(), s.jobs.size()), 0);
    for (std::uint32_t slot : begun_) is_begun_[slot] = 1;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      if (is_begun_[s.waiting[i]]) continue;
      s.waiting[kept] = s.waiting[i];
      asks_[kept++] = asks_[i];
    }
    s.waiting.erase(s.waiting.begin() + static_cast<std::ptrdiff_t>(kept),
                    s.waiting.begin() + static_cast<std::ptrdiff_t>(size()));
    asks_.resize(kept);
    for (std::uint32_t slot : begun_) is_begun_[slot] = 0;
    begun_.clear();
  }

 private:
  template <class State>
  [[nodiscard]] bool some_became_overdue(const State& s, double patience_s) const {
    if (patience_s == std::numeric_limits<double>::infinity()) return false;
    return std::any_of(s.waiting.begin(), s.waiting.end(), [&](std::uint32_t slot) {
      return s.jobs[slot].queue_entry(s.now_s, patience_s).overdue &&
             !s.jobs[slot].queue_entry(since_s_, patience_s).overdue;
    });
  }
  template <class State>
  [[nodiscard]] queued_ask ask_of(const State& s, std::uint32_t slot) {
    const auto& j = s.jobs[slot];
    queued_ask a{j.spec->gpus, tenant_number(j.spec->vc), j.left_at(s.now_s)};
    if (s.ledger.hosts().gpu_types() == 1) return a;
    const gpu_type_set types = j.types();
    double fastest = j.reference->throughput;
    for (int t = 0; t < most_gpu_types; ++t)
      if (const auto* p = has_type(types, t) ? j.curve->on(t)->fastest(a.gpus) : nullptr)
        fastest = std::max(fastest, p->throughput);
    a.run_s *= j.reference->throughput / fastest;
    a.tenant = std::has_single_bit(types) ? tenant_number(j.spec->vc + '/' + std::to_string(types))
                                          : queued_ask::like_no_other;
    return a;
  }
  [[nodiscard]] std::uint32_t tenant_number(const std::string& name) {
    if (name.empty()) return 0;
    return tenants_.try_emplace(name, static_cast<std::uint32_t>(tenants_.size() + 1))
        .first->second;
  }

  detail::identity::tag of_;
  std::vector<queued_ask> asks_;  // of the first of `State::waiting`, in their order
  std::map<std::string, std::uint32_t, std::less<>> tenants_;
  std::vector<std::uint32_t> begun_;
  std::vector<char> is_begun_;  // by slot; all 0 between two calls
  double since_s_ = 0;
  std::size_t changes_ = 0;
};

/// Sizes of jobs for which a decision has found no place, so that a thousand alike are not asked for one
/// by one: placement goes by the number of GPUs and the tenant. Whoever starts a job forgets.
class refused_asks {
 public:
  void clear() { keys_.clear(); }
  /// \param kind  of question, where there are two
  void add(const queued_ask& a, bool kind = false) {
    if (a.tenant == queued_ask::like_no_other) return;
    keys_.insert(std::lower_bound(keys_.begin(), keys_.end(), key(a, kind)), key(a, kind));
  }
  [[nodiscard]] bool has(const queued_ask& a, bool kind = false) const {
    return !keys_.empty() && std::binary_search(keys_.begin(), keys_.end(), key(a, kind));
  }

 private:
  static std::uint64_t key(const queued_ask& a, bool kind) {
    return std::uint64_t{a.tenant} << 32 | std::uint64_t{kind} << 31 |
           static_cast<std::uint32_t>(a.gpus);
  }
  std::vector<std::uint64_t> keys_;  // rising
};

}  // namespace heddle::schedule
