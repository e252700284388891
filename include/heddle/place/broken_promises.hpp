// Checks that a placement policy of one's own keeps the promises that schedulers rely on.
//
//   broken_promises(policy, dc, seed)           on random states of a fabric
//   broken_promises(policy, dc, seed, setup)    the same, with tenants
//
// Returns a sentence for the first promise that was seen broken, or nothing: that is conformance.
// Test-framework free: `CHECK(!broken_promises(my_policy{}, dc, 1))`.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/random_parts.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A tenant that jobs may be of, and how many GPUs its jobs may hold together.
struct promised_share {
  std::string tenant;
  int gpus = 0;
};

/// What a policy is tried with.
struct trial_setup {
  int steps = 200;
  std::vector<promised_share> tenants = {};  ///< jobs are of these; none: of nobody
};

namespace detail {

template <class Policy, fabric::Fabric F>
class policy_suite {
 public:
  policy_suite(const Policy& policy, const F& dc, std::uint64_t seed, const trial_setup& setup)
      : untouched_(policy), policy_(policy), dc_(dc), setup_(setup),
        draws_(seed, "placement policy"), free_(dc) {}

  /// The first promise broken, empty for none.
  std::string run() {
    for (step_ = 0; step_ < setup_.steps && broken_.empty(); ++step_) {
      const int what = draws_.below(20);
      if (what < 13)
        arrive();
      else if (what < 16)
        leave();
      else if (what < 17)
        somebody_else();
      else
        break_or_mend();
    }
    return broken_;
  }

 private:
  using ledger = fabric::ledger<F>;

  void require(bool kept, const char* promise, const request& job) {
    if (kept || !broken_.empty()) return;
    broken_ = std::string(promise) + ", in step " + std::to_string(step_) + ": " +
              std::to_string(job.gpus) + " GPUs";
    if (!job.tenant.empty()) broken_ += " for " + std::string(job.tenant);
  }

  static bool same(const answer& a, const answer& b) {
    return a.where == b.where && a.why == b.why && a.proved == b.proved && a.moved == b.moved &&
           a.predicted_slowdown == b.predicted_slowdown && a.cut == b.cut;
  }

  /// Mostly small, at times more than there is.
  request draw() {
    const int all = dc_.hosts().gpus();
    int gpus = 1 + draws_.below(std::min(all, 2 * dc_.hosts().gpus_per_server()));
    if (draws_.chance(.2)) gpus = draws_.between(1, all + 1);
    if (draws_.chance(.3)) gpus = std::max(1, free_.free_gpus());
    request r{job_id{next_++}, gpus};
    if (!setup_.tenants.empty())
      r.tenant = setup_.tenants[draws_.below(setup_.tenants.size())].tenant;
    return r;
  }

  void arrive() {
    const request job = draw();
    const ledger before = free_;
    const answer a = ask(policy_, free_, job);
    require(same(a, ask(policy_, free_, job)), "asked twice it answers the same", job);
    Policy unasked = untouched_;
    require(same(a, ask(unasked, free_, job)), "it answers the same if it was never asked before",
            job);
    Policy copy = policy_;
    require(same(a, ask(copy, before, job)), "a copy asked on a copy answers the same", job);
    for (int i = draws_.below(4); i > 0; --i) (void)ask(policy_, free_, draw());
    require(same(a, ask(policy_, free_, job)), "other questions in between change nothing", job);
    come_and_go(job, a);
    require(free_ == before, "a question leaves the ledger as it was", job);
    if (a)
      check_yes(job, a);
    else
      check_no(job, a);
    if (!a || !broken_.empty() || draws_.chance(.2)) return;  // some answers are never booked
    book(free_, job, a);
    running_.push_back(job.job);
  }

  /// Others are booked and leave again.
  void come_and_go(const request& job, const answer& a) {
    ledger other = free_;
    std::vector<job_id> guests;
    for (int i = draws_.below(3); i > 0; --i) {
      const request r = draw();
      if (const answer b = ask(policy_, other, r); b && b.moved.empty() && book(other, r, b))
        guests.push_back(r.job);
    }
    for (job_id guest : guests) other.release(guest);
    require(same(a, ask(policy_, other, job)), "jobs that have come and gone change nothing", job);
  }

  static bool book(ledger& l, const request& job, const answer& a) {
    if constexpr (requires { l.rewire(a.moved); }) {
      if (l.rewire(a.moved) != fabric::reserve_status::reserved) return false;
    } else if (!a.moved.empty()) {
      return false;
    }
    return l.reserve(job.job, *a.where, job.tenant) == fabric::reserve_status::reserved;
  }

  void check_yes(const request& job, const answer& a) {
    const placement& p = *a.where;
    require(p.gpus.size() == static_cast<std::size_t>(job.gpus),
            "a placement has as many GPUs as were asked for", job);
    const auto all = dc_.hosts().all_gpus().size();
    require(std::all_of(p.gpus.begin(), p.gpus.end(),
                        [&](gpu_id g) { return g.value < all && free_.is_free(g); }),
            "a placement names free GPUs alone", job);
    require(a.why == wait_reason::none, "who is placed has no reason to wait", job);
    require(a.predicted_slowdown >= 1, "no job is expected to be faster than alone", job);
    ledger trial = free_;
    require(book(trial, job, a), "a placement can be booked", job);
    require(trial.consistent(), "a placement leaves the books in order", job);
  }

  void check_no(const request& job, const answer& a) {
    require(a.why != wait_reason::none, "who waits is told why", job);
    require(a.moved.empty(), "a no moves nothing", job);
    if (a.why == wait_reason::gpus)
      require(job.gpus > free_.free_gpus() || job.gpus > left_of(job.tenant),
              "GPUs are said to be short only if too few are free, or left of a quota", job);
    if (a.why == wait_reason::search_limit)
      require(!a.proved, "a search that gave up has proved nothing", job);
  }
  [[nodiscard]] int left_of(std::string_view tenant) const {
    for (const promised_share& t : setup_.tenants)
      if (t.tenant == tenant) {
        int used = 0;
        for (const auto& [job, p] : free_.placements())
          if (free_.tenant_of(job) == tenant) used += static_cast<int>(p.gpus.size());
        return t.gpus - used;
      }
    return dc_.hosts().gpus();
  }

  void leave() {
    if (running_.empty()) return;
    const std::size_t k = draws_.below(running_.size());
    free_.release(running_[k]);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(k));
  }
  /// A job that was not placed by this policy.
  void somebody_else() {
    const job_id job{next_++};
    if (free_.reserve(job, fabric::detail::random_placement(dc_, draws_)) ==
        fabric::reserve_status::reserved)
      running_.push_back(job);
  }
  void break_or_mend() {
    fabric::detail::with_random_part(dc_, draws_, [&](const auto& part) {
      if (draws_.chance(.3))
        free_.fail(part);
      else
        free_.repair(part);
    });
  }

  const Policy untouched_;
  Policy policy_;
  const F& dc_;
  const trial_setup& setup_;
  fabric::detail::draws draws_;
  ledger free_;
  std::vector<job_id> running_;
  std::uint32_t next_ = 0;
  int step_ = 0;
  std::string broken_;
};

}  // namespace detail

/// The promises of a PlacementPolicy, on ledgers of `dc` through arrivals, departures, jobs that others
/// placed, failures and repairs:
/// 1. its answer follows from the ledger, the request and its own options: asked twice, by a copy, by a
///    policy that was never asked, after other questions, after jobs that came and went, it is the same;
/// 2. a placement has as many GPUs as were asked for, all free, and can be booked;
/// 3. a no has a reason; it is `gpus` only if too few are free, or left of the tenant's quota; a search
///    that gave up has proved nothing;
/// 4. a question changes nothing.
/// O(steps · (a dozen questions, and copies of the ledger)).
template <class Policy, fabric::Fabric F>
  requires(PlacementPolicy<Policy, fabric::ledger<F>>&& std::copy_constructible<Policy>)
[[nodiscard]] std::optional<std::string> broken_promises(const Policy& policy, const F& dc,
                                                         std::uint64_t seed,
                                                         const trial_setup& setup = {}) {
  std::string broken = detail::policy_suite<Policy, F>{policy, dc, seed, setup}.run();
  if (broken.empty()) return std::nullopt;
  return broken;
}

}  // namespace heddle::place
