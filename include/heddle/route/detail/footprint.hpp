// What one group puts on links, phase by phase, in the form that slow-downs are computed from.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// The links that the phases of a group use.
struct footprint {
  static constexpr double unit = 1099511627776.0;  ///< of loads in fixed point, in a flow: 2^40

  struct phase {
    double weight = 0;  ///< of the undisturbed communication time
    double own = 1;     ///< flows on its fullest link, of this group alone; at least `card`
    double card = 1;
    std::uint32_t end = 0;  ///< of what it puts on links
    std::uint32_t like =
        0;  ///< the first phase with the same flows, which stands for both; else itself
  };
  struct share {
    std::uint32_t link = 0;
    std::uint32_t end = 0;  ///< of its hits
    double mean = 0;        ///< flows while the group communicates, in units
  };
  struct hit {
    std::uint32_t phase = 0;
    std::uint32_t slack = 0;  ///< flows that the fullest link of the phase has more than this one
  };
  /// The same as a hit, seen from its phase.
  struct part {
    std::uint32_t share = 0;
    std::uint32_t slack = 0;
  };

  std::vector<phase> phases;
  std::vector<share> shares;  ///< a link each
  std::vector<hit> hits;      ///< of each share in turn, by slack; none of phases like others
  std::vector<part> parts;    ///< of each phase in turn, by slack; made by `part_finder`
  bool has_parts = false;

  [[nodiscard]] std::uint32_t first_hit(std::size_t i) const {
    return i == 0 ? 0 : shares[i - 1].end;
  }
  [[nodiscard]] std::uint32_t first_part(std::size_t k) const {
    return k == 0 ? 0 : phases[k - 1].end;
  }

  void clear() {  // the others are written over
    phases.clear();
    shares.clear();
    has_parts = false;
  }
};

/// Makes footprints of counts of flows on links, phase by phase; keeps its scratch. One writer.
class footprint_builder {
 public:
  explicit footprint_builder(std::size_t links)
      : load_(links, 0), share_of_(links, nobody), marks_(links / 64 + 1, 0) {}

  void begin(footprint& out) {
    out_ = &out;
    out.clear();
    found_.clear();
    phase_begins_.clear();
    touched_.clear();
  }
  /// A flow of this phase on a link.
  void count(std::uint32_t link) {
    if (load_[link]++ == 0) touched_.push_back(link);
  }
  /// Flows of this phase on a link so far.
  [[nodiscard]] int load(std::uint32_t link) const { return load_[link]; }
  /// Ends a phase. \param weight  of its undisturbed time
  /// \param card  flows that hold it back when nothing else does, ≥ 1
  footprint::phase& end_phase(double weight, double card) {
    const auto number = static_cast<std::uint32_t>(out_->phases.size());
    footprint::phase here{.weight = weight, .own = card, .card = card, .like = number};
    phase_begins_.push_back(found_.size());
    for (std::uint32_t l : touched_) {
      if (share_of_[l] == nobody) {
        share_of_[l] = static_cast<std::uint32_t>(out_->shares.size());
        out_->shares.push_back({.link = l});
      }
      const auto flows = static_cast<std::uint32_t>(load_[l]);
      found_.push_back({share_of_[l], number, flows});
      here.own = std::max(here.own, static_cast<double>(flows));
      load_[l] = 0;
    }
    touched_.clear();
    return out_->phases.emplace_back(here);
  }
  /// One with the flows of a phase that is there.
  void repeat_phase(double weight, std::uint32_t like) {
    footprint::phase here = out_->phases[like];
    here.weight = weight;
    out_->phases.push_back(here);
    phase_begins_.push_back(found_.size());
  }
  void finish() {
    phase_begins_.push_back(found_.size());
    double total = 0;
    for (const footprint::phase& p : out_->phases) total += p.weight;
    for (footprint::phase& p : out_->phases) p.weight /= total;
    if (load_.size() >= many_links) sort_shares(*out_);
    sort_hits(*out_);
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t many_links = 8192;  ///< tables by link that no cache near by holds

  struct found {
    std::uint32_t share = 0, phase = 0, flows = 0, slack = 0;
  };

  /// Sorts shares by link, so that those of one leaf lie side by side.
  void sort_shares(footprint& e) {
    words_.clear();
    for (const footprint::share& s : e.shares) {
      std::uint64_t& word = marks_[s.link / 64];
      if (word == 0) words_.push_back(s.link / 64);
      word |= std::uint64_t{1} << s.link % 64;
    }
    std::sort(words_.begin(), words_.end());
    by_link_.clear();
    for (std::uint32_t w : words_)
      for (std::uint64_t left = std::exchange(marks_[w], 0); left != 0; left &= left - 1)
        by_link_.push_back(64 * w + static_cast<std::uint32_t>(std::countr_zero(left)));
    moved_to_.resize(e.shares.size());
    for (std::uint32_t i = 0; i < by_link_.size(); ++i) {
      moved_to_[share_of_[by_link_[i]]] = i;
      share_of_[by_link_[i]] = nobody;
      e.shares[i].link = by_link_[i];
    }
    for (found& x : found_) x.share = moved_to_[x.share];
  }
  /// Sorts what was found by share and slack, by counting.
  void sort_hits(footprint& e) {
    slack_ends_.clear();
    for (const footprint::phase& p :
         e.phases)  // in this order, for sums to be the same to the last bit
      for (std::size_t i = phase_begins_[p.like]; i < phase_begins_[p.like + 1]; ++i)
        e.shares[found_[i].share].mean += p.weight * found_[i].flows;
    for (found& x : found_) {
      ++e.shares[x.share].end;
      x.slack = static_cast<std::uint32_t>(e.phases[x.phase].own) - x.flows;
      if (x.slack >= slack_ends_.size()) slack_ends_.resize(x.slack + 1, 0);
      ++slack_ends_[x.slack];
    }
    std::uint32_t behind = 0;
    for (std::uint32_t& n : slack_ends_) n = std::exchange(behind, behind + n);
    by_slack_.resize(found_.size());
    for (std::uint32_t i = 0; i < found_.size(); ++i) by_slack_[slack_ends_[found_[i].slack]++] = i;

    std::uint32_t at = 0;
    for (footprint::share& s : e.shares) {
      share_of_[s.link] = nobody;
      s.mean *= footprint::unit;
      at += s.end;
      s.end = at - s.end;  // its begin, until its hits are in
    }
    e.hits.resize(found_.size());
    for (std::uint32_t i : by_slack_)
      e.hits[e.shares[found_[i].share].end++] = {found_[i].phase, found_[i].slack};
  }

  footprint* out_ = nullptr;
  std::vector<int> load_;                // of a phase, per directed link
  std::vector<std::uint32_t> share_of_;  // per directed link
  std::vector<std::uint32_t> touched_;
  std::vector<found> found_;  // phase by phase
  std::vector<std::size_t> phase_begins_;
  std::vector<std::uint64_t> marks_;  // a bit per directed link
  std::vector<std::uint32_t> words_, by_link_, moved_to_, slack_ends_, by_slack_;
};

/// Finds what each phase puts on links, in order of slack; keeps its scratch. One writer.
class part_finder {
 public:
  /// Nothing happens if that was found already. O(hits), by counting.
  void operator()(footprint& e) {
    if (std::exchange(e.has_parts, true)) return;
    ends_.clear();
    for (const footprint::hit& x : e.hits) {
      if (x.slack >= ends_.size()) ends_.resize(x.slack + 1, 0);
      ++ends_[x.slack];
      ++e.phases[x.phase].end;
    }
    std::uint32_t behind = 0;
    for (std::uint32_t& n : ends_) n = std::exchange(behind, behind + n);
    by_slack_.resize(e.hits.size());
    std::uint32_t h = 0;
    for (std::uint32_t i = 0; i < e.shares.size(); ++i)
      for (; h < e.shares[i].end; ++h)
        by_slack_[ends_[e.hits[h].slack]++] = {e.hits[h].phase, {i, e.hits[h].slack}};
    behind = 0;
    for (footprint::phase& p : e.phases) p.end = std::exchange(behind, behind + p.end);
    if (e.parts.size() < e.hits.size()) e.parts.resize(e.hits.size());
    for (const found& x : by_slack_) e.parts[e.phases[x.phase].end++] = x.what;
  }

 private:
  struct found {
    std::uint32_t phase = 0;
    footprint::part what;
  };
  std::vector<std::uint32_t> ends_;
  std::vector<found> by_slack_;
};

/// Calls `f(k)` for at most `samples` of `phases` phases, evenly spaced.
template <class F>
void for_each_sample(std::size_t phases, int samples, F&& f) {
  const std::size_t seen = std::min(phases, static_cast<std::size_t>(std::max(1, samples)));
  for (std::size_t i = 0; i < seen; ++i) f((2 * i + 1) * phases / (2 * seen));
}

/// T routes a flow by what its view says alone, so that the same flows take the same paths.
template <class T, class Load>
concept routes_flows_alike =
    !PhaseRouting<T> && requires(const T& policy, const view<Load>& v, const traffic::flow& f) {
  { policy(v, f) } -> std::same_as<path>;
};

/// Makes footprints on leafs and spines; keeps its scratch. One writer.
class footprint_maker {
 public:
  explicit footprint_maker(std::size_t links) : builder_(links) {}

  /// Writes what the phases of `all` use under `policy` to `out`, at most `samples` of them, evenly
  /// spaced. \param background  callable: directed link → mean number of flows of others
  template <class Source, class Policy, class Background>
  void operator()(footprint& out, const fabric::leaf_spine& dc, const link_numbers& links,
                  const traffic::group& ranks, const Source& all, Policy& policy,
                  Background&& background, int samples) {
    builder_.begin(out);
    const auto flows_on = [&](std::uint32_t l) { return background(l) + builder_.load(l); };
    const view<decltype(flows_on)> v{dc, links, ranks, flows_on};
    seen_.clear();
    std::uint32_t number = 0;
    for_each_sample(all.size(), samples, [&](std::size_t k) {
      const traffic::phase p = all.write(k, flows_);
      const card_load cards = cards_(ranks, flows_);
      if constexpr (detail::routes_flows_alike<Policy, decltype(flows_on)>) {
        const seen me{k, hash_of(flows_), number++};
        if (const seen* same = find_same(all, me)) {
          builder_.repeat_phase(p.repeat * undisturbed_s(dc, p, cards), same->number);
          return;
        }
        seen_.push_back(me);
      }
      const int planes = for_each_link(
          policy, v, flows_, [&](std::uint32_t l) { builder_.count(l); }, entering_);
      footprint::phase& here = builder_.end_phase(p.repeat * undisturbed_s(dc, p, cards),
                                                  std::max(1.0, static_cast<double>(cards.card)));
      // Planes without a way leave their bytes to the others, as if these carried more flows.
      if (planes > 0 && planes < dc.planes())
        here.own = std::max(here.own, here.card * dc.planes() / planes);
    });
    builder_.finish();
  }

 private:
  struct seen {
    std::size_t phase = 0;  // of the source
    std::uint64_t hash = 0;
    std::uint32_t number = 0;  // in the footprint
  };
  static constexpr std::size_t most_looked_at = 64;

  [[nodiscard]] static std::uint64_t hash_of(std::span<const traffic::flow> flows) {
    std::uint64_t sum = flows.size();
    for (const traffic::flow f : flows) {
      const std::uint64_t x = (std::uint64_t{f.source} << 32 | f.target) * 0x9e3779b97f4a7c15u;
      sum += x ^ (x >> 29);
    }
    return sum;
  }
  /// One of the last phases that has the flows of this one, in their order.
  template <class Source>
  [[nodiscard]] const seen* find_same(const Source& all, const seen& me) {
    const std::size_t first = seen_.size() - std::min(seen_.size(), most_looked_at);
    for (std::size_t i = first; i < seen_.size(); ++i) {
      if (seen_[i].hash != me.hash) continue;
      all.write(seen_[i].phase, others_);
      if (others_ == flows_) return &seen_[i];
    }
    return nullptr;
  }

  footprint_builder builder_;
  std::vector<traffic::flow> flows_, others_;
  std::vector<seen> seen_;
  card_counter cards_;
  network_flows entering_;
};

}  // namespace heddle::route::detail
