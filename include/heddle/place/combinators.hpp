// Policies made of policies.
//
//   combinator              what                                              cost
//   first_of{a, b, …}       the answer of the first that places               sum of those asked
//   best_of{score, a, b, …} the placement with the lowest score               sum of all, and scores
//   filtered{allowed, a}    a placement on allowed leafs, servers, spines     a copy of the ledger
//   limited{nodes, a}       one bound for all the searches of a question      that of a
//
//   score                   lowest for                                        cost
//   fewest_servers          few servers, then few leafs, then few links       O(GPUs of the job)
//   fewest_links            few links owned, then few leafs                   O(GPUs of the job)
//
// A score of one's own is a function (const ledger&, const placement&) → number.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

namespace detail {

template <class Allowed, class Id>
concept allows = std::predicate<Allowed&, Id> || std::predicate<Allowed&, Id, const request&>;

/// Shares a bound of search nodes among the policies that a question is put to.
class shared_nodes {
 public:
  void limit(std::int64_t nodes) { most_ = nodes; }
  [[nodiscard]] std::int64_t visited() const { return visited_; }
  void start() { visited_ = 0; }
  /// By what was asked for; what the last question took is no part of it.
  friend bool operator==(const shared_nodes& a, const shared_nodes& b) {
    return a.most_ == b.most_;
  }

  template <class Policy, class Ledger>
  answer ask(Policy& policy, const Ledger& free, const request& job) {
    if constexpr (SearchingPolicy<Policy>) {
      if (most_) policy.limit(std::max<std::int64_t>(0, *most_ - visited_));
      answer a = detail::ask_for_any_type(policy, free, job);
      visited_ += policy.visited();
      return a;
    } else {
      return detail::ask_for_any_type(policy, free, job);
    }
  }

 private:
  std::optional<std::int64_t> most_;  // none: each policy keeps its own
  std::int64_t visited_ = 0;
};

/// The no of several policies: the last one's, unless an earlier one gave up its search.
class common_no {
 public:
  void add(const answer& a) {
    gave_up_ |= a.why == wait_reason::search_limit;
    last_ = a.why;
    proved_ = a.proved;
    cut_ = a.cut;
  }
  [[nodiscard]] answer get() const {
    if (gave_up_) return {wait_reason::search_limit, false};
    answer a{last_, proved_};
    a.cut = cut_;
    return a;
  }

 private:
  wait_reason last_ = wait_reason::gpus;
  bool gave_up_ = false, proved_ = true;
  narrow_cut cut_ = {};
};

/// Whether none of several policies has anything against a job at `where`.
template <class Policies, class Ledger>
[[nodiscard]] bool none_minds(Policies& policies, const Ledger& free, const request& job,
                              const placement& where) {
  return std::apply(
      [&](auto&... policy) { return (place::may_have(policy, free, job, where) && ...); },
      policies);
}

}  // namespace detail

/// Asks its policies one after the other and takes the first placement. If none places, the last
/// one's reason stands, unless an earlier one gave up its search.
template <class... Policies>
  requires(sizeof...(Policies) > 0)
class first_of {
  static_assert((PolicyOfSomeFabric<Policies> && ...),
                "each policy of a chain places a request on a ledger: "
                "answer(const ledger&, const request&)");

 public:
  first_of() requires(std::default_initializable<Policies>&&...) = default;
  explicit first_of(Policies... policies) : policies_(std::move(policies)...) {}

  template <class Ledger>
    requires(PlacementPolicy<Policies, Ledger>&&...)
  answer operator()(const Ledger& free, const request& job) {
    detail::common_no no;
    nodes_.start();
    return ask_from<0>(free, job, no);
  }

  /// Each of them must have nothing against it.
  template <class Ledger>
  [[nodiscard]] bool may_have(const Ledger& free, const request& job, const placement& where) {
    return detail::none_minds(policies_, free, job, where);
  }

  void limit(std::int64_t nodes) { nodes_.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return nodes_.visited(); }

  friend bool operator==(const first_of&, const first_of&) = default;

 private:
  /// The policies from that number on. An answer that places is not moved on its way out.
  template <std::size_t K, class Ledger>
  answer ask_from(const Ledger& free, const request& job, detail::common_no& no) {
    answer a = nodes_.ask(std::get<K>(policies_), free, job);
    if (!a) {
      no.add(a);
      if constexpr (K + 1 < sizeof...(Policies))
        a = ask_from<K + 1>(free, job, no);
      else
        a = no.get();
    }
    return a;
  }

  std::tuple<Policies...> policies_;
  detail::shared_nodes nodes_;
};

/// Asks all its policies and takes the placement with the lowest score, of equal ones the first. If
/// none places, the reason is found as by `first_of`.
///
///     best_of{fewest_links{}, vclos{}, vclos{.saves = vclos_saves::links}}
template <class Score, class... Policies>
  requires(sizeof...(Policies) > 0)
class best_of {
  static_assert((PolicyOfSomeFabric<Policies> && ...),
                "each policy of a chain places a request on a ledger: "
                "answer(const ledger&, const request&)");

 public:
  best_of() requires(std::default_initializable<Score> &&
                     (std::default_initializable<Policies> && ...)) = default;
  explicit best_of(Score score, Policies... policies)
      : score_(std::move(score)), policies_(std::move(policies)...) {}

  template <class Ledger>
    requires(PlacementPolicy<Policies, Ledger>&&...)
  answer operator()(const Ledger& free, const request& job) {
    using number = decltype(score_(free, std::declval<const placement&>()));
    answer best = wait_reason::gpus;
    number least{};
    detail::common_no no;
    nodes_.start();
    const auto try_next = [&](auto& policy) {
      answer a = nodes_.ask(policy, free, job);
      if (!a) return no.add(a);
      const number here = score_(free, std::as_const(*a.where));
      if (best && !(here < least)) return;
      least = here;
      best = std::move(a);
    };
    std::apply([&](auto&... policy) { (try_next(policy), ...); }, policies_);
    if (best) return best;
    return no.get();
  }

  /// Each of them must have nothing against it.
  template <class Ledger>
  [[nodiscard]] bool may_have(const Ledger& free, const request& job, const placement& where) {
    return detail::none_minds(policies_, free, job, where);
  }

  void limit(std::int64_t nodes) { nodes_.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return nodes_.visited(); }

  friend bool operator==(const best_of&, const best_of&) = default;

 private:
  Score score_;
  std::tuple<Policies...> policies_;
  detail::shared_nodes nodes_;
};

/// Shows its policy only what is allowed: the rest of the cluster looks out of order. A no is one
/// for the allowed part.
///
/// \tparam Allowed  a predicate of leaf_id, server_id or spine_id, or of several of these; each may ask
///                  for the request too, so that leafs have a GPU type and jobs run on theirs
/// O(cluster) a question, for a copy of the ledger.
template <class Allowed, PolicyOfSomeFabric Policy>
  requires(detail::allows<Allowed, leaf_id> || detail::allows<Allowed, server_id> ||
           detail::allows<Allowed, spine_id>)
class filtered {
 public:
  explicit filtered(Allowed allowed, Policy policy)
      : allowed_(std::move(allowed)), policy_(std::move(policy)) {}

  template <class Ledger>
  requires PlacementPolicy<Policy, Ledger> answer operator()(const Ledger& free,
                                                             const request& job) {
    using fabric_type = typename Ledger::fabric_type;
    static_assert(detail::allows<Allowed, server_id> ||
                      (detail::allows<Allowed, leaf_id> &&
                       requires(const fabric_type& f) { f.all_leafs(); }) ||
                      (detail::allows<Allowed, spine_id> &&
                       requires(const fabric_type& f) { f.all_spines(); }),
                  "what is allowed is asked of servers, leafs or spines, and this fabric has none "
                  "of those that this filter asks for");
    Ledger part = free;
    [[maybe_unused]] const auto& dc = free.fabric();
    hide(part, free.hosts().all_servers(), job);
    if constexpr (requires { dc.all_leafs(); }) hide(part, dc.all_leafs(), job);
    if constexpr (requires { dc.all_spines(); }) hide(part, dc.all_spines(), job);
    nodes_.start();
    answer a = nodes_.ask(policy_, part, job);
    if (!a && a.why == wait_reason::gpus && job.gpus <= free.free_gpus())
      a.why = wait_reason::gpu_fragmentation;
    return a;
  }

  template <class Ledger>
  [[nodiscard]] bool may_have(const Ledger& free, const request& job, const placement& where) {
    return place::may_have(policy_, free, job, where);
  }

  void limit(std::int64_t nodes) { nodes_.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return nodes_.visited(); }

  friend bool operator==(const filtered&, const filtered&) = default;

 private:
  template <class Ledger, class Id>
  void hide(Ledger& part, const id_range<Id>& parts, [[maybe_unused]] const request& job) {
    if constexpr (detail::allows<Allowed, Id>)
      for (Id x : parts)
        if (!is_allowed(x, job)) part.fail(x);
  }
  template <class Id>
  [[nodiscard]] bool is_allowed(Id x, [[maybe_unused]] const request& job) {
    if constexpr (std::predicate<Allowed&, Id, const request&>)
      return allowed_(x, job);
    else
      return allowed_(x);
  }

  Allowed allowed_;
  Policy policy_;
  detail::shared_nodes nodes_;
};

/// Lets all the searches behind one question visit so many nodes together, whatever they would
/// allow themselves.
template <SearchingPolicy Policy>
  requires PolicyOfSomeFabric<Policy>
class limited {
 public:
  explicit limited(std::int64_t nodes, Policy policy = {}) : policy_(std::move(policy)) {
    limit(nodes);
  }

  template <class Ledger>
  requires PlacementPolicy<Policy, Ledger> answer operator()(const Ledger& free,
                                                             const request& job) {
    return policy_(free, job);
  }

  template <class Ledger>
  [[nodiscard]] bool may_have(const Ledger& free, const request& job, const placement& where) {
    return place::may_have(policy_, free, job, where);
  }

  void limit(std::int64_t nodes) { policy_.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return policy_.visited(); }

  friend bool operator==(const limited&, const limited&) = default;

 private:
  Policy policy_;
};

namespace detail {
/// Servers and units that a placement names.
struct parts_used {
  std::size_t servers = 0, units = 0;

  parts_used(const fabric::hosts& dc, const placement& p) {
    std::vector<gpu_id> gpus = p.gpus;
    std::sort(gpus.begin(), gpus.end());
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      servers += i == 0 || dc.server_of(gpus[i]) != dc.server_of(gpus[i - 1]);
      units += i == 0 || dc.unit_of(gpus[i]) != dc.unit_of(gpus[i - 1]);
    }
  }
};
}  // namespace detail

/// A score for `best_of`.
struct fewest_servers {
  std::tuple<std::size_t, std::size_t, std::size_t> operator()(const fabric::gpu_book& free,
                                                               const placement& p) const {
    const detail::parts_used used{free.hosts(), p};
    return {used.servers, used.units, p.links.size() + p.circuits.size()};
  }
};

/// A score for `best_of`.
struct fewest_links {
  std::tuple<std::size_t, std::size_t> operator()(const fabric::gpu_book& free,
                                                  const placement& p) const {
    return {p.links.size() + p.circuits.size(), detail::parts_used{free.hosts(), p}.units};
  }
};

}  // namespace heddle::place
