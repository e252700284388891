// A leaf-spine network, with cores or without, and who owns what of it, as a picture.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/placement.hpp>

#include "common/picture_marks.hpp"
#include "common/svg_plot.hpp"
#include "common/table.hpp"

namespace heddle::examples::svg {

struct fabric_picture_options {
  bool colour_all = false;  ///< jobs without links too
  /// What the legend adds to a job.
  std::function<std::string(job_id)> note = [](job_id) { return std::string(); };
};

/// Draws cores above spines above leafs, and under these the servers as columns of GPUs: with rails and
/// planes under the leafs of their unit, GPUs of rail 0 first. NVLink domains of several servers have a frame. Jobs
/// that own links or circuits have a colour and a letter; all others are grey, or have a colour too.
template <class Fabric>
class fabric_picture {
  static constexpr bool has_circuits = std::is_same_v<Fabric, fabric::leaf_spine_ocs>;

 public:
  /// Keeps references.
  fabric_picture(const Fabric& dc, const fabric::gpu_book& now, fabric_picture_options o = {})
      : now_(now), fabric_(dc), options_(std::move(o)), shown_(jobs_shown()) {
    for (std::size_t i = 0; i < shown_.size(); ++i) rank_.emplace(shown_[i], i);
  }

  [[nodiscard]] std::string draw(const std::string& title) const {
    const double entries = static_cast<double>((shown_.size() + 2 + 1) / 2);
    drawing d("fabric", width(), legend_top() + 24 * entries + 4, title, describe());
    d.label(margin, 22, title, "start", "ink heading").newline();
    if (cores() > 0)
      d.label(margin, core_y - 10, count_of(static_cast<std::size_t>(cores()), "core"), "start",
              "soft small");
    if (cores() == 0) label_spines(d);
    d.newline();
    draw_links(d);
    if (cores() > 0) {
      d.rect(margin - 2, spine_y() - 22, 76, 16, "ground");
      label_spines(d);
    }
    for (int c = 0; c < cores(); ++c) draw_switch(d, core_x(c), core_y, cores());
    for (int s = 0; s < fabric_.spines(); ++s)
      draw_switch(d, spine_x(s), spine_y(), fabric_.spines());
    d.newline();
    for (unit_id x : fabric_.hosts().all_units()) draw_unit(d, x);
    d.label(margin, legend_top() - 18,
            what_is_below() + "; letters: jobs " + (options_.colour_all ? "" : "with links ") +
                (leafs_per_unit() == 1 ? "at that leaf" : "in that unit") +
                (draws_free_links() ? "" : "; free links are too many to draw"),
            "start", "soft small");
    d.newline();
    draw_legend(d);
    return d.finish();
  }

  /// In one sentence.
  [[nodiscard]] std::string describe() const {
    std::size_t links = 0, owners = 0;
    for (job_id id : shown_) {
      links += links_of(id);
      owners += links_of(id) > 0;
    }
    return count_of(owners, "job") + (owners == 1 ? " owns " : " own ") + grouped(links) + " of " +
           count_of(all_links(), "link") + "; " +
           std::to_string(fabric_.gpus() - now_.free_gpus()) + " of " +
           count_of(static_cast<std::size_t>(fabric_.gpus()), "GPU") + " are in use by " +
           count_of(now_.placements().size(), "job") + ".";
  }

 private:
  /// Links or circuits of a job; of the network, or the fibres of its leafs.
  [[nodiscard]] std::size_t links_of(job_id id) const {
    const fabric::placement& p = *now_.find(id);
    return p.links.size() + p.circuits.size() + p.core_links.size();
  }
  [[nodiscard]] std::size_t all_links() const {
    if constexpr (has_circuits)
      return static_cast<std::size_t>(fabric_.leafs()) *
             static_cast<std::size_t>(fabric_.uplinks());
    else
      return static_cast<std::size_t>(fabric_.links() + fabric_.core_links().total());
  }

  static constexpr double margin = 14, core_y = 62, tier = 150;

  [[nodiscard]] int cores() const {
    if constexpr (has_circuits)
      return 0;
    else
      return fabric_.cores();
  }
  [[nodiscard]] int leafs_per_unit() const {
    return fabric_.leafs() / std::max(1, fabric_.hosts().units());
  }
  [[nodiscard]] double spine_y() const { return core_y + (cores() > 0 ? tier : 0); }
  [[nodiscard]] double leaf_y() const { return spine_y() + 230; }
  [[nodiscard]] double gpu_y() const { return leaf_y() + 22; }

  /// Room for a unit whose GPUs are so far from one another.
  [[nodiscard]] double unit_width(double step) const {
    return (step + 1) * fabric_.shape().servers_per_leaf + 4;
  }
  /// Wider than a page where GPUs would be smaller than can be seen.
  [[nodiscard]] double width() const {
    return std::max(960.0, 2 * margin + fabric_.hosts().units() * unit_width(least_pitch));
  }
  /// From one GPU to the next: as large as the units beside one another allow.
  [[nodiscard]] double pitch() const {
    const double unit = (width() - 2 * margin) / fabric_.hosts().units();
    const double servers = fabric_.shape().servers_per_leaf;
    return std::clamp(std::floor(std::min(unit / (servers + 1), (unit - 3) / servers - 1)),
                      least_pitch, 20.0);
  }
  [[nodiscard]] double legend_top() const {
    return gpu_y() + fabric_.gpus_per_server() * pitch() + 52;
  }
  /// "4 units with 8 leafs, 8 rails and 256 GPUs each".
  [[nodiscard]] std::string what_is_below() const {
    const fabric::hosts& dc = fabric_.hosts();
    if (leafs_per_unit() == 1)
      return std::to_string(fabric_.leafs()) + " leafs with " +
             std::to_string(fabric_.gpus_per_leaf()) + " GPUs each";
    std::string out = count_of(static_cast<std::size_t>(dc.units()), "unit") + " with " +
                      std::to_string(leafs_per_unit()) + " leafs";
    if constexpr (!has_circuits) {
      out += " (" + count_of(static_cast<std::size_t>(fabric_.rails()), "rail");
      if (fabric_.planes() > 1) out += ", " + std::to_string(fabric_.planes()) + " planes";
      out += ")";
    }
    return out + " and " + std::to_string(dc.gpus_per_unit()) + " GPUs each";
  }

  /// Those that own links, with most first; then the others by id, if they are wanted.
  [[nodiscard]] std::vector<job_id> jobs_shown() const {
    std::vector<job_id> out;
    for (const auto& [id, where] : now_.placements())
      if (options_.colour_all || where.owns_network()) out.push_back(id);
    std::sort(out.begin(), out.end(), [&](job_id a, job_id b) {
      const std::size_t links_a = links_of(a), links_b = links_of(b);
      return std::pair{links_b, a} < std::pair{links_a, b};
    });
    return out;
  }

  [[nodiscard]] double spine_x(int s) const {
    return margin + (width() - 2 * margin) * (s + .5) / fabric_.spines();
  }
  [[nodiscard]] double core_x(int c) const {
    return margin + (width() - 2 * margin) * (c + .5) / cores();
  }
  [[nodiscard]] double unit_x(unit_id x) const {
    return margin +
           (width() - 2 * margin) * (static_cast<double>(x.value) + .5) / fabric_.hosts().units();
  }
  /// From the first server of a unit to the last.
  [[nodiscard]] double span() const { return fabric_.shape().servers_per_leaf * (pitch() + 1); }
  [[nodiscard]] double leaf_x(leaf_id l) const {
    const int n = leafs_per_unit();
    const auto in_unit = static_cast<double>(l.value % static_cast<std::uint32_t>(n));
    return unit_x(fabric_.unit_of(l)) + ((in_unit + .5) / n - .5) * span();
  }
  void label_spines(drawing& d) const {
    d.label(margin, spine_y() - 10, count_of(static_cast<std::size_t>(fabric_.spines()), "spine"),
            "start", "soft small");
  }
  /// A switch of a tier of so many.
  void draw_switch(drawing& d, double x, double y, int of) const {
    const double wide = std::clamp((width() - 2 * margin) / of - 2, 1.0, 18.0);
    d.rect(x - wide / 2, y, wide, 12, "soft");
  }

  /// Free links first and thin, then each job's: one path a job. Of optical networks only the
  /// circuits of jobs are drawn.
  void draw_links(drawing& d) const {
    const auto stretch = [&](const auto& k) {
      return "M" + px(leaf_x(k.leaf)) + ' ' + px(leaf_y()) + 'L' +
             px(spine_x(static_cast<int>(k.spine.value))) + ' ' + px(spine_y() + 12);
    };
    const auto core_stretch = [&](const fabric::core_link& k) {
      return "M" + px(spine_x(static_cast<int>(k.spine.value))) + ' ' + px(spine_y()) + 'L' +
             px(core_x(static_cast<int>(k.core.value))) + ' ' + px(core_y + 12);
    };
    std::string free;
    if constexpr (!has_circuits)
      if (draws_free_links()) {
        std::set<fabric::link> owned;
        for (const auto& [id, where] : now_.placements())
          owned.insert(where.links.begin(), where.links.end());
        for (leaf_id l : fabric_.all_leafs())
          for (spine_id s : fabric_.all_spines())
            if (const fabric::link k{l, s, 0}; fabric_.links(l, s) > 0 && !owned.contains(k))
              free += stretch(k);
        if (cores() > 0) {
          std::set<fabric::core_link> taken;
          for (const auto& [id, where] : now_.placements())
            taken.insert(where.core_links.begin(), where.core_links.end());
          for (spine_id s : fabric_.all_spines())
            for (core_id c : fabric_.all_cores())
              if (const fabric::core_link k{s, c, 0};
                  fabric_.core_links().between(s.index(), c.index()) > 0 && !taken.contains(k))
                free += core_stretch(k);
        }
      }
    if (!free.empty()) d.empty("path", {{"class", "grid"}, {"d", free}}).newline();
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      std::string path;
      for (const fabric::link& k : now_.find(shown_[i])->links) path += stretch(k);
      for (const fabric::circuit& k : now_.find(shown_[i])->circuits) path += stretch(k);
      for (const fabric::core_link& k : now_.find(shown_[i])->core_links) path += core_stretch(k);
      const std::string look = options_.colour_all ? "line c" : "line thin faint c";
      if (!path.empty())
        d.empty("path", {{"class", look + colour_of_rank(i)}, {"d", path}}).newline();
    }
  }

  [[nodiscard]] bool draws_free_links() const {
    if constexpr (has_circuits)
      return true;
    else
      return all_links() <= most_free_links;
  }

  void draw_unit(drawing& d, unit_id unit) const {
    const double step = pitch(), side = step - (step < 6 ? 1 : 2), left = unit_x(unit) - span() / 2;
    const int leafs = leafs_per_unit();
    for (int k = 0; k < leafs; ++k) {
      const double at = left + k * span() / leafs;
      d.rect(at, leaf_y(), span() / leafs - (leafs > 1 ? 1 : 2), 12, "soft");
      if constexpr (!has_circuits)
        if (leafs > 1 && span() / leafs >= 14)
          d.label(at + span() / leafs / 2, leaf_y() + 10, std::to_string(k / fabric_.planes()),
                  "middle", "ground small");
    }
    const fabric::hosts& dc = fabric_.hosts();
    std::set<std::size_t> here;
    double x = left;
    for (server_id s : dc.servers_of(unit)) {
      double y = gpu_y();
      if (const auto domain = dc.servers_of(dc.domain_of(s));
          domain.size() > 1 && domain.front() == s)
        d.rect(x - 1.5, y - 1.5, static_cast<double>(domain.size()) * (step + 1),
               fabric_.gpus_per_server() * step + 1, "idle");
      for (gpu_id g : fabric_.gpus_of(s)) {
        const auto owner = rank_.find(now_.owner(g));
        if (owner != rank_.end()) here.insert(owner->second);
        const std::string look = owner != rank_.end() ? "f" + colour_of_rank(owner->second)
                                 : now_.is_free(g)    ? "idle"
                                                      : "busy";
        // An outline is drawn on the edge, a filling ends there.
        const double inset = look == "idle" ? .5 : 0;
        d.rect(x + inset, y + inset, side - 2 * inset, side - 2 * inset, look);
        if (owner != rank_.end() && options_.colour_all && step >= 16)
          d.label(x + step / 2 - 1, y + step - 6, letter_of_rank(owner->second), "middle",
                  "ground small");
        y += step;
      }
      x += step + 1;
    }
    std::string letters;
    for (std::size_t rank : here) letters += letter_of_rank(rank);
    d.label(unit_x(unit), gpu_y() + fabric_.gpus_per_server() * step + 14, letters, "middle",
            "ink small");
    d.newline();
  }

  void draw_legend(drawing& d) const {
    std::size_t at = 0;
    const auto entry = [&](const std::string& look, const std::string& words) {
      const double x = margin + static_cast<double>(at % 2) * (width() - 2 * margin) / 2;
      const double y = legend_top() + static_cast<double>(at / 2) * 24;
      d.rect(x + .5, y + .5, 12, 12, look)
          .label(x + 20, y + 11, words, "start", "ink small")
          .newline();
      ++at;
    };
    int coloured_gpus = 0;
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const fabric::placement& p = *now_.find(shown_[i]);
      coloured_gpus += static_cast<int>(p.gpus.size());
      std::set<unit_id> units;
      for (gpu_id g : p.gpus) units.insert(fabric_.hosts().unit_of(g));
      entry("f" + colour_of_rank(i),
            letter_of_rank(i) + ": " + count_of(p.gpus.size(), "GPU") + " on " +
                count_of(units.size(), leafs_per_unit() == 1 ? "leaf" : "unit") + ", " +
                count_of(links_of(shown_[i]), "link") + options_.note(shown_[i]));
    }
    const int free = now_.free_gpus();
    if (const std::size_t others = now_.placements().size() - shown_.size(); others > 0)
      entry("busy",
            count_of(others, "job") + " without links: " +
                count_of(static_cast<std::size_t>(fabric_.gpus() - free - coloured_gpus), "GPU"));
    entry("idle", "free: " + count_of(static_cast<std::size_t>(free), "GPU"));
  }

  static constexpr double least_pitch = 3;
  static constexpr std::size_t most_free_links = 20'000;

  const fabric::gpu_book& now_;
  const Fabric& fabric_;
  fabric_picture_options options_;
  std::vector<job_id> shown_;
  std::map<job_id, std::size_t> rank_;
};

}  // namespace heddle::examples::svg
