// A leaf-spine network and who owns what of it, as a picture.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/placement.hpp>

#include "common/svg_plot.hpp"
#include "common/table.hpp"

namespace heddle::examples::svg {

struct fabric_picture_options {
  bool colour_all = false;  ///< jobs without links too
  /// What the legend adds to a job.
  std::function<std::string(job_id)> note = [](job_id) { return std::string(); };
};

/// Draws spines above, leafs below, under each leaf its servers as columns of GPUs. Jobs that own
/// links or circuits have a colour and a letter; all others are grey, or have a colour too.
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
    drawing d("fabric", width, legend_top() + 24 * entries + 4, title, describe());
    d.label(margin, 22, title, "start", "ink heading").newline();
    d.label(margin, spine_y - 10, count_of(static_cast<std::size_t>(fabric_.spines()), "spine"),
            "start", "soft small");
    d.newline();
    draw_links(d);
    for (int s = 0; s < fabric_.spines(); ++s) d.rect(spine_x(s) - 9, spine_y, 18, 12, "soft");
    d.newline();
    for (leaf_id l : fabric_.all_leafs()) draw_leaf(d, l);
    d.label(margin, legend_top() - 18,
            std::to_string(fabric_.leafs()) + " leafs with " +
                std::to_string(fabric_.gpus_per_leaf()) + " GPUs each; letters: jobs " +
                (options_.colour_all ? "at that leaf" : "with links at that leaf"),
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
    return p.links.size() + p.circuits.size();
  }
  [[nodiscard]] std::size_t all_links() const {
    if constexpr (has_circuits)
      return static_cast<std::size_t>(fabric_.leafs()) *
             static_cast<std::size_t>(fabric_.uplinks());
    else
      return static_cast<std::size_t>(fabric_.links());
  }

  static constexpr double width = 960, margin = 14;
  static constexpr double spine_y = 62, leaf_y = 292, gpu_y = 314;

  /// From one GPU to the next: as large as the leafs beside one another allow.
  [[nodiscard]] double pitch() const {
    const double leaf = (width - 2 * margin) / fabric_.leafs();
    return std::clamp(std::floor(leaf / (fabric_.shape().servers_per_leaf + 1)), 3.0, 20.0);
  }
  [[nodiscard]] double legend_top() const {
    return gpu_y + fabric_.gpus_per_server() * pitch() + 52;
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
    return margin + (width - 2 * margin) * (s + .5) / fabric_.spines();
  }
  [[nodiscard]] double leaf_x(leaf_id l) const {
    return margin + (width - 2 * margin) * (static_cast<double>(l.value) + .5) / fabric_.leafs();
  }

  static std::string letter(std::size_t rank) {
    std::string text(1, static_cast<char>('A' + rank % 26));
    return rank < 26 ? text : text + std::to_string(rank / 26);
  }
  /// The colour of a job: neighbours in the list differ most.
  static std::string number(std::size_t rank) {
    constexpr std::array<int, 7> order{4, 1, 2, 3, 0, 6, 7};
    return std::to_string(order[rank % order.size()]);
  }

  /// Free links first and thin, then each job's: one path a job. Of optical networks only the
  /// circuits of jobs are drawn.
  void draw_links(drawing& d) const {
    const auto stretch = [&](const auto& k) {
      return "M" + px(leaf_x(k.leaf)) + ' ' + px(leaf_y) + 'L' +
             px(spine_x(static_cast<int>(k.spine.value))) + ' ' + px(spine_y + 12);
    };
    std::string free;
    if constexpr (!has_circuits) {
      std::set<fabric::link> owned;
      for (const auto& [id, where] : now_.placements())
        owned.insert(where.links.begin(), where.links.end());
      for (leaf_id l : fabric_.all_leafs())
        for (spine_id s : fabric_.all_spines())
          if (const fabric::link k{l, s, 0}; fabric_.links(l, s) > 0 && !owned.contains(k))
            free += stretch(k);
    }
    if (!free.empty()) d.empty("path", {{"class", "grid"}, {"d", free}}).newline();
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      std::string path;
      for (const fabric::link& k : now_.find(shown_[i])->links) path += stretch(k);
      for (const fabric::circuit& k : now_.find(shown_[i])->circuits) path += stretch(k);
      const std::string look = options_.colour_all ? "line c" : "line thin faint c";
      if (!path.empty()) d.empty("path", {{"class", look + number(i)}, {"d", path}}).newline();
    }
  }

  void draw_leaf(drawing& d, leaf_id l) const {
    const double servers = fabric_.shape().servers_per_leaf, step = pitch();
    const double left = leaf_x(l) - servers * (step + 1) / 2;
    d.rect(left, leaf_y, servers * (step + 1) - 2, 12, "soft");
    std::set<std::size_t> here;
    double x = left;
    for (server_id s : fabric_.servers_of(fabric_.unit_of(l))) {
      double y = gpu_y;
      for (gpu_id g : fabric_.gpus_of(s)) {
        const auto owner = rank_.find(now_.owner(g));
        if (owner != rank_.end()) here.insert(owner->second);
        const std::string look = owner != rank_.end() ? "f" + number(owner->second)
                                 : now_.is_free(g)    ? "idle"
                                                      : "busy";
        // An outline is drawn on the edge, a filling ends there.
        const double inset = look == "idle" ? .5 : 0;
        d.rect(x + inset, y + inset, step - 2 - 2 * inset, step - 2 - 2 * inset, look);
        if (owner != rank_.end() && options_.colour_all && step >= 16)
          d.label(x + step / 2 - 1, y + step - 6, letter(owner->second), "middle", "ground small");
        y += step;
      }
      x += step + 1;
    }
    std::string letters;
    for (std::size_t rank : here) letters += letter(rank);
    d.label(leaf_x(l), gpu_y + fabric_.gpus_per_server() * step + 14, letters, "middle",
            "ink small");
    d.newline();
  }

  void draw_legend(drawing& d) const {
    std::size_t at = 0;
    const auto entry = [&](const std::string& look, const std::string& words) {
      const double x = margin + static_cast<double>(at % 2) * (width - 2 * margin) / 2;
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
      std::set<leaf_id> leafs;
      for (gpu_id g : p.gpus) leafs.insert(fabric_.leaf_of(g));
      entry("f" + number(i), letter(i) + ": " + count_of(p.gpus.size(), "GPU") + " on " +
                                 count_of(leafs.size(), "leaf") + ", " +
                                 count_of(links_of(shown_[i]), "link") + options_.note(shown_[i]));
    }
    const int free = now_.free_gpus();
    if (const std::size_t others = now_.placements().size() - shown_.size(); others > 0)
      entry("busy",
            count_of(others, "job") + " without links: " +
                count_of(static_cast<std::size_t>(fabric_.gpus() - free - coloured_gpus), "GPU"));
    entry("idle", "free: " + count_of(static_cast<std::size_t>(free), "GPU"));
  }

  const fabric::gpu_book& now_;
  const Fabric& fabric_;
  fabric_picture_options options_;
  std::vector<job_id> shown_;
  std::map<job_id, std::size_t> rank_;
};

}  // namespace heddle::examples::svg
