// How room is made for a job that cannot start.
//
//   means             what it does                                    when
//   preempt           stops running jobs that the waiting one         priority classes, SRTF,
//                     outranks                                        least attained service
//   migrate           moves running jobs out of its way               jobs own servers or links
//   other_count       starts it on another number of GPUs             jobs have an elastic range
//
//     means{preempt{}, migrate{.most_gpus = 64}}
//
// They are tried in the order in which they are named. For allocations that are not elastic: an elastic
// one makes room itself.
#pragma once

#include <concepts>
#include <tuple>
#include <utility>

#include <heddle/schedule/desk.hpp>

namespace heddle::schedule {

/// T makes room at a desk for a job that cannot start, and starts it. If it cannot, it leaves state,
/// decision and limits as they were, and says no.
template <class T, class Desk>
concept MeansOfRoom = requires(T& means, Desk& d, const hindered& job) {
  { means(d, job) } -> std::same_as<bool>;
};

/// T is a means that may stop running jobs, where `may_stop()`.
template <class T>
concept StoppingMeans = requires(const T& means) {
  { means.may_stop() } -> std::convertible_to<bool>;
};

/// T is a means that does nothing unless it `takes_part()`.
template <class T>
concept OptionalMeans = requires(const T& means) {
  { means.takes_part() } -> std::convertible_to<bool>;
};

/// Whether a means is for ledgers of this kind: all are that do not say `works_on<Ledger>`.
template <class T, class Ledger>
inline constexpr bool works_on = true;
template <class T, class Ledger>
  requires requires { T::template works_on<Ledger>; }
inline constexpr bool works_on<T, Ledger> = T::template works_on<Ledger>;

/// Means of making room, one after the other.
template <class... Each>
class means {
 public:
  static constexpr bool none = sizeof...(Each) == 0;
  template <class Ledger>
  static constexpr bool work_on = (schedule::works_on<Each, Ledger> && ...);

  explicit constexpr means(Each... each) : each_(std::move(each)...) {}

  template <class Desk>
  bool operator()(Desk& d, const hindered& job) {
    static_assert((MeansOfRoom<Each, Desk> && ...),
                  "a means of making room is asked at a desk for a job that cannot start: "
                  "bool(Desk&, const hindered&)");
    return std::apply([&](Each&... m) { return (m(d, job) || ...); }, each_);
  }

  [[nodiscard]] bool may_stop() const {
    const auto stops = []<class M>(const M& m) {
      if constexpr (StoppingMeans<M>)
        return static_cast<bool>(m.may_stop());
      else
        return false;
    };
    return std::apply([&](const Each&... m) { return (stops(m) || ...); }, each_);
  }

  /// Whether all that take part do nothing but stop running jobs.
  [[nodiscard]] bool only_stops() const {
    const auto no_more = []<class M>(const M& m) {
      if constexpr (OptionalMeans<M>)
        if (!m.takes_part()) return true;
      if constexpr (StoppingMeans<M>)
        return static_cast<bool>(m.may_stop());
      else
        return false;
    };
    return std::apply([&](const Each&... m) { return (no_more(m) && ...); }, each_);
  }

  friend bool operator==(const means&, const means&) = default;

 private:
  std::tuple<Each...> each_;
};

/// T is a `means<…>`.
template <class T>
inline constexpr bool is_means = false;
template <class... Each>
inline constexpr bool is_means<means<Each...>> = true;

}  // namespace heddle::schedule
