// Which parts of a network are out of order.
#pragma once

#include <cstddef>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// All fibres from a leaf, or a spine, to one OCS.
struct leaf_fibre {
  leaf_id leaf;
  ocs_id ocs;

  friend bool operator==(const leaf_fibre&, const leaf_fibre&) = default;
};
struct spine_fibre {
  spine_id spine;
  ocs_id ocs;

  friend bool operator==(const spine_fibre&, const spine_fibre&) = default;
};

/// What has failed, each part by itself: a repaired server does not repair a GPU that failed on its
/// own. A part works if neither it nor a part that holds or carries it has failed.
class failures {
 public:
  explicit failures(const leaf_spine& dc)
      : switches_(n(dc.optical().switches)), uplinks_(n(dc.uplinks())),
        lanes_(n(dc.links_per_pair())), servers_(n(dc.gpus())), leafs_(servers_ + n(dc.servers())),
        spines_(leafs_ + n(dc.leafs())), ocs_(spines_ + n(dc.spines())), links_(ocs_ + switches_),
        leaf_fibres_(links_ + (dc.is_optical() ? 0 : n(dc.leafs()) * uplinks_)),
        spine_fibres_(leaf_fibres_ + n(dc.leafs()) * switches_),
        marks_(1, spine_fibres_ + n(dc.spines()) * switches_) {}

  /// Whether `part` itself is marked. A part is a gpu_id, server_id, leaf_id, spine_id, ocs_id,
  /// leaf_fibre, spine_fibre, or on a fixed network a link.
  [[nodiscard]] bool contains(const auto& part) const { return test_bit(marks_[0], place(part)); }
  /// Marks `part`, or takes the mark away. \returns whether that changed it
  bool mark(const auto& part, bool failed) {
    if (contains(part) == failed) return false;
    if (failed)
      set_bit(marks_[0], place(part));
    else
      clear_bit(marks_[0], place(part));
    count_ += failed ? 1 : -1;
    return true;
  }
  /// Whether nothing has failed.
  [[nodiscard]] bool empty() const { return count_ == 0; }

  [[nodiscard]] bool works(const leaf_spine& dc, gpu_id g) const {
    const server_id s = dc.server_of(g);
    return !contains(g) && !contains(s) && !contains(dc.leaf_of(s));
  }
  /// Of a fixed link, or of an uplink of an optical fabric with its fibre and OCS.
  [[nodiscard]] bool works(const leaf_spine& dc, leaf_id l, std::uint32_t uplink) const {
    if (contains(l)) return false;
    if (dc.is_optical()) {
      const ocs_id o = dc.ocs_of(uplink);
      return !contains(o) && !contains(leaf_fibre{l, o});
    }
    const auto lanes = static_cast<std::uint32_t>(lanes_);
    const spine_id s{uplink / lanes};
    return !contains(s) && !contains(link{l, s, uplink % lanes});
  }
  /// Of the fibres between a spine and an OCS with both their ends.
  [[nodiscard]] bool works(const spine_fibre& f) const {
    return !contains(f.spine) && !contains(f.ocs) && !contains(f);
  }

  friend bool operator==(const failures&, const failures&) = default;

 private:
  static std::size_t n(int v) { return static_cast<std::size_t>(v); }

  [[nodiscard]] std::size_t place(gpu_id g) const { return g.index(); }
  [[nodiscard]] std::size_t place(server_id s) const { return servers_ + s.index(); }
  [[nodiscard]] std::size_t place(leaf_id l) const { return leafs_ + l.index(); }
  [[nodiscard]] std::size_t place(spine_id s) const { return spines_ + s.index(); }
  [[nodiscard]] std::size_t place(ocs_id o) const { return ocs_ + o.index(); }
  [[nodiscard]] std::size_t place(const link& k) const {
    return links_ + k.leaf.index() * uplinks_ + k.spine.index() * lanes_ + k.lane;
  }
  [[nodiscard]] std::size_t place(const leaf_fibre& f) const {
    return leaf_fibres_ + f.leaf.index() * switches_ + f.ocs.index();
  }
  [[nodiscard]] std::size_t place(const spine_fibre& f) const {
    return spine_fibres_ + f.spine.index() * switches_ + f.ocs.index();
  }

  std::size_t switches_, uplinks_, lanes_;
  std::size_t servers_, leafs_, spines_, ocs_, links_, leaf_fibres_, spine_fibres_;  // first marks
  bit_matrix marks_;                                                                 // one row
  int count_ = 0;
};

}  // namespace heddle::fabric
