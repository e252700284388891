// A model of contention is spared the jobs that nobody can disturb.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/path.hpp>

namespace heddle::route {

/// Whether the flows of a job, routed over the links or circuits that it owns (`owned`), never meet on one,
/// whatever it sends: at every leaf as many links as flows of a partial permutation may leave it, to the same spines,
/// but for one leaf that may lack some of them (docs/theory.md, 5 to 7). For a network of two tiers without rails and
/// planes; false, where it is not, and where the parts of `where` are not sorted. O(GPUs + links).
class keeps_apart {
 public:
  [[nodiscard]] bool operator()(const fabric::leaf_spine& dc, const fabric::placement& where) {
    if (dc.pods() != nullptr || !where.core_links.empty() || !where.faces.empty()) return false;
    if (where.links.empty() == where.circuits.empty()) return false;
    parts_.clear();
    return count_ranks(dc, where.gpus) &&
           (where.circuits.empty() ? count_links(where.links) : count_links(where.circuits)) &&
           has_links(static_cast<std::uint32_t>(where.gpus.size()));
  }

 private:
  struct part {
    leaf_id leaf;
    std::uint32_t ranks = 0, first = 0, links = 0;  ///< of `spines_`
  };

  bool count_ranks(const fabric::leaf_spine& dc, const std::vector<gpu_id>& gpus) {
    for (std::size_t i = 0; i < gpus.size();) {
      const leaf_id l = dc.leaf_of(gpus[i]);
      if (!parts_.empty() && !(parts_.back().leaf < l)) return false;
      const std::size_t first = i;
      while (i < gpus.size() && dc.leaf_of(gpus[i]) == l) ++i;
      parts_.push_back({l, static_cast<std::uint32_t>(i - first)});
    }
    return true;
  }
  /// Of just the leafs that have ranks, in their order.
  template <class Link>
  bool count_links(const std::vector<Link>& links) {
    spines_.clear();
    std::size_t p = 0;
    for (const Link& k : links) {
      while (p < parts_.size() && parts_[p].leaf < k.leaf) ++p;
      if (p == parts_.size() || parts_[p].leaf != k.leaf) return false;
      part& x = parts_[p];
      if (x.links == 0) x.first = static_cast<std::uint32_t>(spines_.size());
      if (x.links++ > 0 && k.spine.value < spines_.back()) return false;
      spines_.push_back(k.spine.value);
    }
    return true;
  }
  [[nodiscard]] std::span<const std::uint32_t> spines_of(const part& x) const {
    return std::span(spines_).subspan(x.first, x.links);
  }
  [[nodiscard]] bool has_links(std::uint32_t ranks) const {
    const auto all =
        spines_of(*std::max_element(parts_.begin(), parts_.end(), [](const part& a, const part& b) {
          return a.links < b.links;
        }));
    int narrow = 0;
    for (const part& x : parts_) {
      if (x.links < std::min(x.ranks, ranks - x.ranks)) return false;
      const auto mine = spines_of(x);
      if (mine.size() == all.size()
              ? !std::equal(mine.begin(), mine.end(), all.begin())
              : !std::includes(all.begin(), all.end(), mine.begin(), mine.end()) || ++narrow > 1)
        return false;
    }
    return true;
  }

  std::vector<part> parts_;
  std::vector<std::uint32_t> spines_;
};

namespace detail {
/// Whether flows under a shared routing use links at all.
template <class Shared>
[[nodiscard]] constexpr bool uses_links(const Shared& shared) {
  if constexpr (requires { shared.uses_links(); })
    return shared.uses_links();
  else
    return true;
}
}  // namespace detail

/// `Network` with the jobs set aside that it would call undisturbed, by proof (`keeps_apart`): they are given to it
/// only when somebody comes who has no links of their own and may meet them, and then all of them. Where nobody
/// uses links but their owners, it is given no others than owners without that proof. All answers are those of
/// `Network` alone, to the last bit, if it says exactly 1 of a job whose links carry nobody else's flows and no more than a card's of
/// its own, and what it says does not depend on the order in which jobs came. A job so set aside costs O(GPUs +
/// links + log jobs).
///
/// A Contention. One writer.
template <Contention Network>
class sparing {
 public:
  /// \param shared_use_links  false: jobs without links of their own put nothing on any
  template <LeafSpineFabric Fabric>
  sparing(const Fabric& dc, Network network, bool shared_use_links)
      : fabric_(fixed_part(dc)), network_(std::move(network)), shared_use_links_(shared_use_links) {
  }

  void add(const job& spec, const fabric::placement& where) {
    const bool owns = where.owns_network();
    if (owns ? sharers_.empty() && apart_(fabric_, where) : !shared_use_links_) {
      set_aside(spec, where);
      changed_ = {spec.id};
      from_network_ = false;
      return;
    }
    if (!owns) {
      give_all();
      sharers_.insert(std::lower_bound(sharers_.begin(), sharers_.end(), spec.id), spec.id);
    }
    network_.add(spec, where);
    from_network_ = true;
  }
  void remove(job_id owner) {
    if (const auto at = aside_.find(owner); at != aside_.end()) {
      spare_.push_back(aside_.extract(at));
      changed_ = {owner};
      from_network_ = false;
      return;
    }
    const auto at = std::lower_bound(sharers_.begin(), sharers_.end(), owner);
    if (at != sharers_.end() && *at == owner) sharers_.erase(at);
    network_.remove(owner);
    from_network_ = true;
  }
  [[nodiscard]] double slowdown(job_id owner) const {
    return aside_.contains(owner) ? 1 : static_cast<double>(network_.slowdown(owner));
  }
  [[nodiscard]] std::span<const job_id> changed() const {
    return from_network_ ? std::span<const job_id>(network_.changed())
                         : std::span<const job_id>(changed_);
  }
  /// Jobs that the network does not know.
  [[nodiscard]] std::size_t set_aside() const { return aside_.size(); }

 private:
  struct spared {
    job spec;
    fabric::placement where;
  };
  using table = std::map<job_id, spared>;

  void set_aside(const job& spec, const fabric::placement& where) {
    if (spare_.empty()) {
      aside_.emplace(spec.id, spared{});
    } else {
      spare_.back().key() = spec.id;
      aside_.insert(std::move(spare_.back()));
      spare_.pop_back();
    }
    if (!shared_use_links_) return;  // nobody comes to whom it matters
    spared& x = aside_.find(spec.id)->second;
    x.spec = spec;
    x.where = where;
  }
  void give_all() {
    for (const auto& [id, x] : aside_) network_.add(x.spec, x.where);
    aside_.clear();
  }

  fabric::leaf_spine fabric_;
  Network network_;
  bool shared_use_links_;
  keeps_apart apart_;
  std::vector<job_id> sharers_;  // in the network, without links of their own; by id
  table aside_;
  std::vector<typename table::node_type> spare_;
  std::array<job_id, 1> changed_ = {};
  bool from_network_ = false;
};

}  // namespace heddle::route
