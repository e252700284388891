// A copy of a ledger to try things out on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// What would be free if: a copy of a ledger (or of a book of GPUs) in which jobs leave, parts are
/// hidden and placements are held for nobody in particular, without the real one knowing. Keeps its
/// memory from one `start` to the next, so that later copies allocate little. One writer.
template <class Ledger>
class trial {
 public:
  trial() = default;
  explicit trial(const Ledger& now) { start(now); }

  /// Forgets all that was tried. O(cluster).
  void start(const Ledger& now) {
    if (copy_)
      *copy_ = now;
    else
      copy_ = now;
    next_ = first_guest;
  }

  [[nodiscard]] const Ledger& now() const { return *copy_; }
  [[nodiscard]] Ledger& operator*() { return *copy_; }
  [[nodiscard]] Ledger* operator->() { return &*copy_; }

  /// Holds `p` for nobody that the ledger knows; an invalid id if that cannot be.
  /// \param tenant  whose quota it takes of
  job_id keep(placement p, std::string_view tenant = {}) {
    const job_id guest = next_guest();
    return copy_->reserve(guest, std::move(p), tenant) == reserve_status::reserved ? guest
                                                                                   : job_id{};
  }
  /// Keeps what is free of `wanted`, so that nobody else can have it. Circuits that are free one by one
  /// need not be so together; the GPUs are kept in any case.
  void keep_free_parts(const placement& wanted, std::string_view tenant = {}) {
    placement rest;
    for (gpu_id g : wanted.gpus)
      if (copy_->is_free(g)) rest.gpus.push_back(g);
    if constexpr (requires(const link& k) { copy_->is_free(k); })
      for (const link& k : wanted.links)
        if (copy_->is_free(k)) rest.links.push_back(k);
    if constexpr (requires(const core_link& k) { copy_->is_free(k); })
      for (const core_link& k : wanted.core_links)
        if (copy_->is_free(k)) rest.core_links.push_back(k);
    if constexpr (requires(const circuit& k) { copy_->is_free(k); })
      for (const circuit& k : wanted.circuits)
        if (copy_->is_free(k)) rest.circuits.push_back(k);
    if (keep(rest, tenant).valid()) return;
    rest.links.clear();
    rest.core_links.clear();
    rest.circuits.clear();
    (void)keep(std::move(rest), tenant);
  }
  /// An id that no job of the copy has; the same until `keep` uses it.
  [[nodiscard]] job_id next_guest() {
    while (copy_->find(next_)) --next_.value;
    return next_;
  }

 private:
  static constexpr job_id first_guest{0xfffffffeu};  // the highest, downwards

  std::optional<Ledger> copy_;
  job_id next_ = first_guest;
};

}  // namespace heddle::fabric
