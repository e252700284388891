// A leaf-spine network and who owns what of it, as a picture.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/fabric/leaf_spine.hpp>

#include "common/svg_plot.hpp"
#include "experiment.hpp"
#include "tables.hpp"

namespace heddle::demo {

namespace svg = examples::svg;

/// Draws spines above, leafs below, under each leaf its servers as columns of GPUs. Jobs that own
/// links have a colour and a letter; all others are grey.
class fabric_picture {
 public:
  explicit fabric_picture(const busy_moment& m)
      : now_(m), fabric_(m.ledger.fabric()), owners_(link_owners(m.ledger)) {
    for (std::size_t i = 0; i < owners_.size(); ++i) rank_.emplace(owners_[i], i);
  }

  [[nodiscard]] std::string draw(const std::string& title) const {
    const double bottom = legend_top + 24 * static_cast<double>((owners_.size() + 2 + 1) / 2) + 4;
    svg::drawing d("fabric", width, bottom, title, describe());
    d.label(margin, 22, title, "start", "ink heading").newline();
    d.label(margin, spine_y - 10, std::to_string(fabric_.spines()) + " spines", "start",
            "soft small");
    d.newline();
    draw_links(d);
    for (int s = 0; s < fabric_.spines(); ++s) d.rect(spine_x(s) - 9, spine_y, 18, 12, "soft");
    d.newline();
    for (leaf_id l : fabric_.all_leafs()) draw_leaf(d, l);
    d.label(margin, legend_top - 18,
            std::to_string(fabric_.leafs()) + " leafs with " +
                std::to_string(fabric_.gpus_per_leaf()) +
                " GPUs each; letters: jobs with links at that leaf",
            "start", "soft small");
    d.newline();
    draw_legend(d);
    return d.finish();
  }

  /// In one sentence.
  [[nodiscard]] std::string describe() const {
    std::size_t links = 0;
    for (job_id id : owners_) links += now_.ledger.find(id)->links.size();
    return count_of(owners_.size(), "job") + (owners_.size() == 1 ? " owns " : " own ") +
           grouped(links) + " of " + count_of(static_cast<std::size_t>(fabric_.links()), "link") +
           "; " + std::to_string(fabric_.gpus() - now_.ledger.free_gpus()) + " of " +
           count_of(static_cast<std::size_t>(fabric_.gpus()), "GPU") + " are in use by " +
           count_of(now_.jobs.size(), "job") + ".";
  }

 private:
  static constexpr double width = 960, margin = 14;
  static constexpr double spine_y = 62, leaf_y = 292, gpu_y = 314, pitch = 11, legend_top = 454;

  /// The jobs that own links, those with most first.
  static std::vector<job_id> link_owners(const fabric::ledger& l) {
    std::vector<job_id> out;
    for (const auto& [id, where] : l.placements())
      if (!where.links.empty()) out.push_back(id);
    std::sort(out.begin(), out.end(), [&](job_id a, job_id b) {
      const std::size_t links_a = l.find(a)->links.size(), links_b = l.find(b)->links.size();
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

  /// Free links first and thin, then each job's: one path a job.
  void draw_links(svg::drawing& d) const {
    const auto stretch = [&](const fabric::link& k) {
      return "M" + svg::px(leaf_x(k.leaf)) + ' ' + svg::px(leaf_y) + 'L' +
             svg::px(spine_x(static_cast<int>(k.spine.value))) + ' ' + svg::px(spine_y + 12);
    };
    std::string free;
    for (leaf_id l : fabric_.all_leafs())
      for (int s = 0; s < fabric_.spines(); ++s)
        if (const fabric::link k{l, spine_id{s}, 0}; now_.ledger.is_free(k)) free += stretch(k);
    if (!free.empty()) d.empty("path", {{"class", "grid"}, {"d", free}}).newline();
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      std::string path;
      for (const fabric::link& k : now_.ledger.find(owners_[i])->links) path += stretch(k);
      d.empty("path", {{"class", "line thin faint c" + number(i)}, {"d", path}}).newline();
    }
  }

  void draw_leaf(svg::drawing& d, leaf_id l) const {
    const double servers = fabric_.shape().servers_per_leaf;
    const double left = leaf_x(l) - servers * (pitch + 1) / 2;
    d.rect(left, leaf_y, servers * (pitch + 1) - 2, 12, "soft");
    std::set<std::size_t> here;
    double x = left;
    for (server_id s : fabric_.servers_of(l)) {
      double y = gpu_y;
      for (gpu_id g : fabric_.gpus_of(s)) {
        const auto owner = rank_.find(now_.ledger.owner(g));
        if (owner != rank_.end()) here.insert(owner->second);
        const std::string look = owner != rank_.end()     ? "f" + number(owner->second)
                                 : now_.ledger.is_free(g) ? "idle"
                                                          : "busy";
        // An outline is drawn on the edge, a filling ends there.
        const double inset = look == "idle" ? .5 : 0;
        d.rect(x + inset, y + inset, pitch - 2 - 2 * inset, pitch - 2 - 2 * inset, look);
        y += pitch;
      }
      x += pitch + 1;
    }
    std::string letters;
    for (std::size_t rank : here) letters += letter(rank);
    d.label(leaf_x(l), gpu_y + fabric_.gpus_per_server() * pitch + 14, letters, "middle",
            "ink small");
    d.newline();
  }

  void draw_legend(svg::drawing& d) const {
    std::size_t at = 0;
    const auto entry = [&](const std::string& look, const std::string& words) {
      const double x = margin + static_cast<double>(at % 2) * (width - 2 * margin) / 2;
      const double y = legend_top + static_cast<double>(at / 2) * 24;
      d.rect(x + .5, y + .5, 12, 12, look)
          .label(x + 20, y + 11, words, "start", "ink small")
          .newline();
      ++at;
    };
    int coloured_gpus = 0;
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      const fabric::placement& p = *now_.ledger.find(owners_[i]);
      coloured_gpus += static_cast<int>(p.gpus.size());
      std::set<leaf_id> leafs;
      for (gpu_id g : p.gpus) leafs.insert(fabric_.leaf_of(g));
      entry("f" + number(i), letter(i) + ": " + std::to_string(p.gpus.size()) + " GPUs on " +
                                 std::to_string(leafs.size()) + " leafs, " +
                                 std::to_string(p.links.size()) + " links, " +
                                 pattern_name(now_.jobs.at(owners_[i]).pattern));
    }
    const int free = now_.ledger.free_gpus();
    entry("busy",
          count_of(now_.jobs.size() - owners_.size(), "job") + " without links: " +
              count_of(static_cast<std::size_t>(fabric_.gpus() - free - coloured_gpus), "GPU"));
    entry("idle", "free: " + count_of(static_cast<std::size_t>(free), "GPU"));
  }

  static std::string pattern_name(collective c) {
    std::string text(name(c));
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
  }

  const busy_moment& now_;
  const fabric::leaf_spine& fabric_;
  std::vector<job_id> owners_;
  std::map<job_id, std::size_t> rank_;
};

}  // namespace heddle::demo
