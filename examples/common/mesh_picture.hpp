// A torus, or cubes of chips, and who owns what of it, as a picture.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/core/shape.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/torus.hpp>

#include "common/picture_marks.hpp"
#include "common/svg_plot.hpp"
#include "common/table.hpp"

namespace heddle::examples::svg {

/// Draws chips in layers, the first two coordinates of each as a field: of a torus all layers one after
/// the other, of cubes a cube beside the other, the layers of each from left to right in two rows. Cubes
/// that circuits of a job join are joined by lines in its colour.
template <class Fabric>
class mesh_picture {
  static constexpr bool has_cubes = std::is_same_v<Fabric, fabric::cubes>;

 public:
  /// Keeps references. \param note  what the legend adds to a job
  mesh_picture(const Fabric& dc, const fabric::gpu_book& now,
               std::function<std::string(job_id)> note)
      : now_(now), dc_(dc), note_(std::move(note)) {
    std::vector<std::pair<std::size_t, job_id>> order;
    for (const auto& [id, where] : now_.placements()) order.push_back({where.gpus.size(), id});
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    for (const auto& [gpus, id] : order) {
      rank_.emplace(id, shown_.size());
      shown_.push_back(id);
    }
    for (gpu_id g : dc.hosts().all_gpus()) broken_ += !now_.is_free(g) && !now_.owner(g).valid();
    if constexpr (has_cubes)
      lay_out(2 * dc.side(), dc.side() * ((dc.side() + 1) / 2), dc.all_cubes().size());
    else
      lay_out(dc.sides()[0], dc.sides()[1],
              static_cast<std::size_t>(dc.sides().volume()) /
                  static_cast<std::size_t>(dc.sides()[0]) /
                  static_cast<std::size_t>(dc.sides()[1]));
  }

  [[nodiscard]] std::string draw(const std::string& title) const {
    const double entries = static_cast<double>((shown_.size() + 1 + (broken_ > 0) + 1) / 2);
    drawing d("meshes", width, legend_top() + 24 * entries + 4, title, describe());
    d.label(margin, 22, title, "start", "ink heading").newline();
    d.label(margin, 40, describe(), "start", "soft small").newline();
    if constexpr (has_cubes) draw_circuits(d);
    for (gpu_id g : dc_.hosts().all_gpus()) draw_chip(d, g);
    d.newline();
    draw_legend(d);
    return d.finish();
  }
  /// In one sentence.
  [[nodiscard]] std::string describe() const {
    const std::size_t gpus = static_cast<std::size_t>(dc_.hosts().gpus());
    std::string of;
    if constexpr (has_cubes)
      of = count_of(dc_.all_cubes().size(), "cube") + " of " + std::to_string(dc_.side()) +
           " layers each";
    else
      of = "a torus " + text_of(dc_.sides()) + " in " + count_of(blocks_, "layer");
    return std::to_string(gpus - static_cast<std::size_t>(now_.free_gpus())) + " of " +
           count_of(gpus, "GPU") + " of " + of + " are in use or out of order; " +
           count_of(shown_.size(), "job") + ".";
  }

 private:
  static constexpr double width = 960, margin = 14, top = 56;

  /// Blocks of `across` × `down` chips, as large as they can be drawn.
  void lay_out(int across, int down, std::size_t blocks) {
    across_ = across;
    down_ = down;
    blocks_ = blocks;
    for (pitch_ = 14; pitch_ > 2; pitch_ -= 1) {
      columns_ = static_cast<std::size_t>(
          std::max(1.0, (width - 2 * margin) / (across_ * pitch_ + gap_of(pitch_))));
      const std::size_t rows = (blocks_ + columns_ - 1) / columns_;
      columns_ = (blocks_ + rows - 1) / rows;  // as many in each row
      if (static_cast<double>(rows) * (down_ * pitch_ + gap_of(pitch_)) <= 640) return;
    }
  }
  static double gap_of(double pitch) { return pitch + 6; }
  [[nodiscard]] std::pair<double, double> corner(std::size_t block) const {
    return {margin + static_cast<double>(block % columns_) * (across_ * pitch_ + gap_of(pitch_)),
            top + static_cast<double>(block / columns_) * (down_ * pitch_ + gap_of(pitch_))};
  }
  [[nodiscard]] double legend_top() const { return corner(blocks_ + columns_ - 1).second + 14; }

  void draw_chip(drawing& d, gpu_id g) const {
    std::size_t block = 0;
    int x = 0, y = 0;
    const auto cell = dc_.cell_of(g);
    if constexpr (has_cubes) {
      block = dc_.cube_of(g).index();
      x = cell[0] + cell[2] % 2 * dc_.side();
      y = cell[1] + cell[2] / 2 * dc_.side();
    } else {
      x = cell[0];
      y = cell[1];
      for (std::size_t k = dc_.dimensions(); k-- > 2;)
        block =
            block * static_cast<std::size_t>(dc_.sides()[k]) + static_cast<std::size_t>(cell[k]);
    }
    const auto [left, up] = corner(block);
    const auto owner = rank_.find(now_.owner(g));
    const std::string look = owner != rank_.end() ? "f" + colour_of_rank(owner->second)
                             : now_.is_free(g)    ? "idle"
                                                  : "busy";
    const double inset = look == "idle" ? .5 : 0, layer = has_cubes ? 1 : 0;
    d.rect(left + x * pitch_ + inset + (has_cubes && cell[2] % 2 ? layer : 0),
           up + y * pitch_ + inset + (has_cubes && cell[2] / 2 ? layer : 0), pitch_ - 1 - 2 * inset,
           pitch_ - 1 - 2 * inset, look);
  }
  /// A line for each two cubes that circuits of one job join.
  void draw_circuits(drawing& d) const {
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      std::set<std::pair<unit_id, unit_id>> joined;
      for (const fabric::face_circuit& k : now_.find(shown_[i])->faces)
        if (k.from != k.to) joined.insert(std::minmax(k.from, k.to));
      std::string path;
      for (const auto& [a, b] : joined) {
        const auto [ax, ay] = middle(a);
        const auto [bx, by] = middle(b);
        path += "M" + px(ax) + ' ' + px(ay) + 'L' + px(bx) + ' ' + px(by);
      }
      if (!path.empty())
        d.empty("path", {{"class", "line thin faint c" + colour_of_rank(i)}, {"d", path}})
            .newline();
    }
  }
  [[nodiscard]] std::pair<double, double> middle(unit_id cube) const {
    const auto [x, y] = corner(cube.index());
    return {x + across_ * pitch_ / 2, y + down_ * pitch_ / 2};
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
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const fabric::placement& p = *now_.find(shown_[i]);
      std::string words = letter_of_rank(i) + ": " + count_of(p.gpus.size(), "GPU");
      if (!p.shape.empty()) words += ", mesh " + text_of(p.shape);
      if constexpr (has_cubes) {
        std::set<unit_id> cubes;
        for (gpu_id g : p.gpus) cubes.insert(dc_.cube_of(g));
        words += ", " + count_of(cubes.size(), "cube") + ", " + count_of(p.faces.size(), "circuit");
      }
      entry("f" + colour_of_rank(i), words + note_(shown_[i]));
    }
    if (broken_ > 0) entry("busy", "out of order: " + count_of(broken_, "GPU"));
    entry("idle", "free: " + count_of(static_cast<std::size_t>(now_.free_gpus()), "GPU"));
  }

  const fabric::gpu_book& now_;
  const Fabric& dc_;
  std::function<std::string(job_id)> note_;
  std::vector<job_id> shown_;
  std::size_t broken_ = 0;  // that no job holds
  std::map<job_id, std::size_t> rank_;
  int across_ = 1, down_ = 1;
  std::size_t blocks_ = 1, columns_ = 1;
  double pitch_ = 3;
};

}  // namespace heddle::examples::svg
