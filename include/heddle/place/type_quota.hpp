// How many GPUs of each type a tenant may have.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/gpu_types.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A tenant may hold so many GPUs of a type, of `any_gpu_type` of all together.
struct type_share {
  std::string tenant;
  int gpu_type = any_gpu_type;
  int gpus = 0;

  friend bool operator==(const type_share&, const type_share&) = default;
};

/// Places as `policy` does, and refuses for `gpus` what would give a tenant more GPUs of a type than its share. Tenants
/// and types of which nothing is said have no bound.
///
///     place::type_quota{std::vector<place::type_share>{{"vision", a100, 64}, {"vision", any_gpu_type, 96}}, place::vclos{}}
///
/// What a tenant has follows from what is booked for it (`fabric::ledger::reserve`): asking is not booking. Quotas bound and
/// promise nothing: for cells that nobody else can take see `hived`. O(running jobs) beside the policy's question. One
/// writer if its policy has one.
template <class Policy>
class type_quota {
 public:
  explicit type_quota(std::vector<type_share> shares = {}, Policy policy = {})
      : shares_(std::move(shares)), policy_(std::move(policy)) {}

  template <class Ledger>
  requires PlacementPolicy<Policy, Ledger> answer operator()(const Ledger& free,
                                                             const request& job) {
    answer a = place::ask(policy_, free, job);
    if (a && !within(free, job, *a.where)) return wait_reason::gpus;
    return a;
  }
  /// Whether a place that it has had before would keep the tenant within its shares, and the policy allows it.
  template <class Ledger>
  [[nodiscard]] bool may_have(const Ledger& free, const request& job, const placement& where) {
    return within(free, job, where) && place::may_have(policy_, free, job, where);
  }

  [[nodiscard]] const std::vector<type_share>& shares() const { return shares_; }
  friend bool operator==(const type_quota&, const type_quota&) = default;

 private:
  [[nodiscard]] bool within(const fabric::gpu_book& free, const request& job,
                            const placement& where) const {
    const fabric::hosts& h = free.hosts();
    return std::all_of(shares_.begin(), shares_.end(), [&](const type_share& s) {
      if (s.tenant != job.tenant) return true;
      const auto of_type = [&](const placement& p) {
        return std::count_if(p.gpus.begin(), p.gpus.end(), [&](gpu_id g) {
          return s.gpu_type == any_gpu_type || h.type_of(h.server_of(g)) == s.gpu_type;
        });
      };
      auto used = of_type(where);
      if (used == 0) return true;
      for (const auto& [id, held] : free.placements())
        if (id != job.job && free.tenant_of(id) == s.tenant) used += of_type(held);
      return used <= s.gpus;
    });
  }

  std::vector<type_share> shares_;
  Policy policy_;
};

}  // namespace heddle::place
