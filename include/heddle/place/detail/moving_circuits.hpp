// Finds circuits with those of other jobs out of the way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/kempe.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/wiring.hpp>
#include <heddle/place/detail/free_fibres.hpp>

namespace heddle::place::detail {

/// A wiring of the whole network with the circuits of all jobs, which make way by Kempe chains. After a
/// yes the circuits of the job stand in `links`, sorted, and what of others has to move in `moves`.
/// Keeps its memory between calls.
class moving_circuits {
 public:
  /// The state of the ledger is another one.
  void start() { base_known_ = false; }

  /// n columns, r of which serve the rest too, with at most `most` circuits of others moving. Where all OCS are alike and
  /// `most` is no limit, a yes whenever counts_allow says so.
  bool columns(const free_fibres& free, std::span<const leaf_id> leafs, int n, int r, int most) {
    begin(free);
    most_ = most;
    if (r == 0) {
      // Columns that need nobody to move do not spoil the counts: each takes m ports of one spine.
      int left = n;
      for (bool others : {false, true})
        for (spine_id s : free_->by_ports())
          while (left > 0 && add_column(leafs, s, others)) --left;
      return left == 0 && take();
    }
    const int m = static_cast<int>(leafs.size()) - 1;
    plan_shares(m, n, r);
    for (const share& x : shares_)
      for (int k = 0; k < x.columns; ++k)
        if (!add_column(leafs.first(size(m) + (k < x.wide)), x.spine, true)) return false;
    return take();
  }

  /// Ports of one spine, of each leaf as many as `gpus` says, with circuits of others moving.
  bool crossbar(const free_fibres& free, std::span<const leaf_id> leafs, std::span<const int> gpus,
                spine_id s, int most) {
    begin(free);
    most_ = most;
    for (std::size_t i = 0; i < leafs.size(); ++i)
      for (int k = 0; k < gpus[i]; ++k)
        if (!insert(leafs[i], s, true)) return false;
    return take();
  }

  [[nodiscard]] const std::vector<fabric::circuit>& circuits() const { return links_; }
  [[nodiscard]] const std::vector<fabric::circuit_move>& moves() const { return moves_; }

 private:
  static constexpr std::uint32_t own = ~std::uint32_t{0};

  /// What one spine is to carry: columns, and of these how many serve the rest too.
  struct share {
    spine_id spine;
    int columns = 0, wide = 0;
  };

  static std::size_t size(int n) { return static_cast<std::size_t>(n); }

  /// The circuits as the ledger has them, and none of this job.
  void begin(const free_fibres& free) {
    free_ = &free;
    if (!base_known_) read_base();
    full_ = base_;
    job_at_ = base_job_;
    origin_ = base_origin_;
    ports_left_ = free_->ports();
    cost_ = 0;
  }
  void read_base() {
    base_known_ = true;
    const fabric::leaf_spine_ocs& dc = free_->state().fabric();
    const auto uplinks = size(dc.uplinks());
    ends_ = optical::ports{dc, free_->state().network()};
    const fabric::circuit_book& book = free_->state().network();
    const auto is_alive = [&](const fabric::circuit& k) {
      return book.all_work() || (book.works(k.leaf, k.uplink) &&
                                 book.works(fabric::spine_fibre{k.spine, dc.ocs_of(k.uplink)}));
    };
    // A circuit over what has failed stays where it is, and so do its ends.
    if (!book.all_work())
      for (const auto& [job, p] : free_->state().placements())
        for (const fabric::circuit& k : p.circuits)
          if (!is_alive(k)) {
            ends_.close(k.leaf, k.uplink);
            close_one(k.spine, dc.ocs_of(k.uplink));
          }
    base_.reset(ends_);
    base_job_.assign(size(dc.leafs()) * uplinks, job_id{});
    base_origin_.assign(base_job_.size(), own);
    for (const auto& [job, p] : free_->state().placements())
      for (const fabric::circuit& k : p.circuits)
        if (is_alive(k)) {
          base_.connect(k);
          base_job_[slot(k)] = job;
          base_origin_[slot(k)] = k.uplink;
        }
  }
  void close_one(spine_id s, ocs_id o) {
    const auto c = static_cast<std::uint32_t>(ends_.spine_fibres());
    for (std::uint32_t q = (o.value + 1) * c; q-- > o.value * c;)
      if (test_bit(ends_.open(s), q)) return ends_.close(s, q);
  }
  [[nodiscard]] std::size_t slot(const fabric::circuit& k) const {
    return k.leaf.index() * size(free_->state().fabric().uplinks()) + k.uplink;
  }

  bool insert(leaf_id l, spine_id s, bool others) {
    // Circuits of this job, and those that move anyway, cost nothing.
    const auto cost = [&](const fabric::circuit& k) {
      if (origin_[slot(k)] == own || origin_[slot(k)] != k.uplink) return 0;
      return others ? 1 : optical::kempe::frozen;
    };
    moved_.clear();
    const int most = most_ == optical::kempe::frozen ? most_ : most_ - cost_;
    if (!insert_.insert(full_, l, s, cost, most, moved_)) return false;
    cost_ += insert_.cost();
    carried_.clear();
    for (const optical::rerouted& k : moved_)
      carried_.push_back({job_at_[slot(k.from)], origin_[slot(k.from)]});
    for (std::size_t i = 0; i < moved_.size(); ++i) {
      job_at_[slot(moved_[i].to)] = carried_[i].job;
      origin_[slot(moved_[i].to)] = carried_[i].origin;
    }
    job_at_[slot(insert_.set_up())] = job_id{};
    origin_[slot(insert_.set_up())] = own;
    return true;
  }
  bool add_column(std::span<const leaf_id> leafs, spine_id s, bool others) {
    const int height = static_cast<int>(leafs.size());
    if (ports_left_[s.index()] < height) return false;
    for (std::size_t i = 0; i < leafs.size(); ++i) {
      if (insert(leafs[i], s, others)) continue;
      for (std::size_t k = 0; k < i; ++k) take_own_down(leafs[k], s);
      return false;
    }
    ports_left_[s.index()] -= height;
    return true;
  }
  void take_own_down(leaf_id l, spine_id s) {
    for (std::uint32_t p = 0;; ++p)
      if (const fabric::circuit k{l, s, p}; full_.has(k) && origin_[slot(k)] == own)
        return full_.disconnect(k);
  }
  bool take() {
    links_.clear();
    moves_.clear();
    const auto uplinks = static_cast<std::uint32_t>(full_.ends().uplinks());
    for (leaf_id l : full_.ends().all_leafs())
      for (std::uint32_t p = 0; p < uplinks; ++p) {
        const spine_id s = full_.spine_at(l, p);
        if (!s.valid()) continue;
        const fabric::circuit k{l, s, p};
        const std::uint32_t from = origin_[slot(k)];
        if (from == own)
          links_.push_back(k);
        else if (from != p)
          moves_.push_back({job_at_[slot(k)], {l, s, from}, k});
      }
    std::sort(links_.begin(), links_.end());
    std::sort(moves_.begin(), moves_.end(), [](const auto& a, const auto& b) {
      return a.job != b.job ? a.job < b.job : a.from < b.from;
    });
    return true;
  }

  /// How many columns, and wide ones, each spine is to carry, as `counts_allow` counts them.
  void plan_shares(int m, int n, int r) {
    shares_.clear();
    for (spine_id s : free_->by_ports()) shares_.push_back({.spine = s});
    int left = n;
    for (share& x : shares_) {
      x.columns = std::min(left, free_->free_ports(x.spine) / (m + 1));
      left -= x.columns;
    }
    for (int loss = 0; loss <= m && left > 0; ++loss)
      for (share& x : shares_) {
        const int p = free_->free_ports(x.spine);
        while (left > 0 && x.columns < p / m &&
               (x.columns == p / (m + 1) ? m - p % (m + 1) : m) == loss) {
          ++x.columns;
          --left;
        }
      }
    for (share& x : shares_) {
      x.wide = std::min({x.columns, free_->free_ports(x.spine) - m * x.columns, r});
      r -= x.wide;
    }
  }

  struct carried {
    job_id job;
    std::uint32_t origin = 0;
  };

  const free_fibres* free_ = nullptr;  // of the call in hand
  bool base_known_ = false;
  optical::ports ends_;
  optical::wiring base_, full_;
  optical::kempe insert_;
  std::vector<int> ports_left_;  // free ports of each spine, without those in use here
  std::vector<share> shares_;
  std::vector<optical::rerouted> moved_;

  // By uplink: whose circuit it is, and the uplink that it had at first, `own` for this job's.
  std::vector<job_id> base_job_, job_at_;
  std::vector<std::uint32_t> base_origin_, origin_;
  std::vector<carried> carried_;
  int most_ = 0, cost_ = 0;

  std::vector<fabric::circuit> links_;
  std::vector<fabric::circuit_move> moves_;
};

}  // namespace heddle::place::detail
