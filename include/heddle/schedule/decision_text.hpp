// Decisions as lines of text that read back as the same decisions.
//
//   at 12.5
//   stop 7
//   resize 3 point 8 1 32 1.41 812.5 2100 700 gpus 0-7 links 0.4.0-3 moved
//   start 9 point 16 2 32 1.41 1600 4200 1400 gpus 8-23 circuits 1.4.0-3 rewired 3:0.4.1>0.4.7
//   wait 10 gpus proved
//   on 3
//   off 5
//   again 100
//
// On a torus a placement has a shape, and circuits between faces of cubes, cube>cube:dimension.position:
//
//   start 9 point 128 32 32 1.41 9600 4200 1400 gpus 0-127 shape 4x4x8 faces 0>1:2.0-15
//
// A decision begins with its time. A point is its GPUs, servers, local batch, clock in GHz,
// throughput, power and waiting power in W. A link is leaf.spine.lane, a circuit leaf.spine.uplink. Ranges are written a-b.
// Numbers are the shortest that read back as themselves.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/schedule/decision.hpp>

namespace heddle::schedule {

namespace detail {

class decision_writer {
 public:
  explicit decision_writer(std::string& out) : out_(out) {}

  void write(double at_s, const decision& d) {
    text("at").number(at_s).line();
    for (job_id id : d.stops) text("stop").number(id.value).line();
    for (const resize& r : d.resizes) {
      placed("resize", r.job, r.point, r.where);
      if (r.moved) text(" moved");
      rewired(r.rewired);
      line();
    }
    for (const start& s : d.starts) {
      placed("start", s.job, s.point, s.where);
      rewired(s.rewired);
      line();
    }
    for (const blocked& b : d.waiting) {
      text("wait").number(b.job.value).text(" ").text(name(b.why));
      if (b.proved) text(" proved");
      line();
    }
    for (server_id s : d.servers_on) text("on").number(s.value).line();
    for (server_id s : d.servers_off) text("off").number(s.value).line();
    if (d.again_s < std::numeric_limits<double>::infinity()) text("again").number(d.again_s).line();
  }

 private:
  decision_writer& text(std::string_view s) {
    out_ += s;
    return *this;
  }
  template <class Number>
  decision_writer& number(Number x, char before = ' ') {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, x).ptr;
    out_ += before;
    out_.append(buffer, end);
    return *this;
  }
  void line() { out_ += '\n'; }

  void placed(std::string_view what, job_id job, const model::operating_point& p,
              const fabric::placement& where) {
    const model::configuration& c = p.config;
    text(what).number(job.value).text(" point").number(c.gpus).number(c.servers);
    number(c.local_batch).number(c.clock_ghz).number(p.throughput).number(p.power_w);
    number(p.waiting_power_w);
    if (c.type != 0) text(" type").number(c.type);
    text(" gpus");
    for (std::size_t i = 0; i < where.gpus.size();) {
      std::size_t k = i + 1;
      while (k < where.gpus.size() && where.gpus[k].value == where.gpus[i].value + (k - i)) ++k;
      number(where.gpus[i].value, i ? ',' : ' ');
      if (k > i + 1) number(where.gpus[k - 1].value, '-');
      i = k;
    }
    parts(" links", where.links, &fabric::link::lane);
    parts(" circuits", where.circuits, &fabric::circuit::uplink);
    core_links(where.core_links);
    if (!where.shape.empty()) text(" shape ").text(text_of(where.shape));
    faces(where.faces);
    std::string_view before = " for ";
    for (collective each : all_collectives)
      if (where.enough_for.names.contains(each)) text(std::exchange(before, ",")).text(name(each));
    if (where.enough_for.width > 0)
      text(std::exchange(before, ",")).text("width").number(where.enough_for.width, ' ');
  }
  /// Those between two cubes at consecutive positions together.
  void faces(const std::vector<fabric::face_circuit>& all) {
    if (!all.empty()) text(" faces");
    for (std::size_t i = 0; i < all.size();) {
      const fabric::face_circuit& first = all[i];
      fabric::face_circuit next = first;
      std::size_t k = i;
      for (; k < all.size() && all[k] == next; ++k) ++next.position;
      number(first.from.value, i ? ',' : ' ').number(first.to.value, '>');
      number(first.dimension, ':').number(first.position, '.');
      if (k > i + 1) number(all[k - 1].position, '-');
      i = k;
    }
  }
  /// Links or circuits, those of consecutive numbers together.
  template <class Part>
  void parts(std::string_view what, const std::vector<Part>& all, std::uint32_t Part::*which) {
    if (all.empty()) return;
    text(what);
    for (std::size_t i = 0; i < all.size();) {
      const Part& first = all[i];
      std::size_t k = i + 1;
      while (k < all.size() && all[k].leaf == first.leaf && all[k].spine == first.spine &&
             all[k].*which == first.*which + (k - i))
        ++k;
      part(first, first.*which, i ? ',' : ' ');
      if (k > i + 1) number(all[k - 1].*which, '-');
      i = k;
    }
  }
  template <class Part>
  void part(const Part& k, std::uint32_t which, char before) {
    number(k.leaf.value, before).number(k.spine.value, '.').number(which, '.');
  }
  /// Lanes of a pair together.
  void core_links(const std::vector<fabric::core_link>& all) {
    if (!all.empty()) text(" core_links");
    for (std::size_t i = 0; i < all.size();) {
      const fabric::core_link& first = all[i];
      std::size_t k = i + 1;
      while (k < all.size() && all[k].spine == first.spine && all[k].core == first.core &&
             all[k].lane == first.lane + (k - i))
        ++k;
      number(first.spine.value, i ? ',' : ' ').number(first.core.value, '.');
      number(first.lane, '.');
      if (k > i + 1) number(all[k - 1].lane, '-');
      i = k;
    }
  }
  void rewired(const std::vector<fabric::circuit_move>& moves) {
    if (moves.empty()) return;
    text(" rewired");
    for (std::size_t i = 0; i < moves.size(); ++i) {
      number(moves[i].job.value, i ? ',' : ' ');
      part(moves[i].from, moves[i].from.uplink, ':');
      part(moves[i].to, moves[i].to.uplink, '>');
    }
  }

  std::string& out_;
};

}  // namespace detail

/// Appends `d`, made at `at_s`, to `out`.
inline void append_text(std::string& out, double at_s, const decision& d) {
  detail::decision_writer{out}.write(at_s, d);
}

/// The lines above.
inline std::ostream& operator<<(std::ostream& out, const decision& d) {
  std::string text;
  append_text(text, 0, d);
  return out << text.substr(text.find('\n') + 1);
}

}  // namespace heddle::schedule
