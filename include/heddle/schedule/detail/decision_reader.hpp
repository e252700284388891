// Lines of schedule/decision_text.hpp read back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/declared.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/schedule/decision.hpp>

namespace heddle::schedule::detail {

/// Takes words and numbers from a line.
class line_reader {
 public:
  line_reader(std::string_view line, std::string where) : rest_(line), where_(std::move(where)) {}

  [[noreturn]] void fail(const char* expected) const {
    throw input_error(where_, expected, "\"" + std::string(rest_.substr(0, 20)) + "\"");
  }
  /// Takes `s` if it comes next.
  bool take(std::string_view s) {
    if (!rest_.starts_with(s)) return false;
    rest_.remove_prefix(s.size());
    return true;
  }
  template <class Number>
  Number number(const char* expected) {
    Number x{};
    const auto [end, error] =
        heddle::detail::read_number(rest_.data(), rest_.data() + rest_.size(), x);
    if (error != std::errc{}) fail(expected);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return x;
  }
  template <class Id>
  Id id(const char* expected) {
    return Id{number<std::uint32_t>(expected)};
  }
  template <class Number>
  Number after_space(const char* expected) {
    if (!take(" ")) fail(expected);
    return number<Number>(expected);
  }
  /// What comes next up to a space or comma.
  [[nodiscard]] std::string_view word() const { return rest_.substr(0, rest_.find_first_of(" ,")); }
  void drop(std::size_t characters) { rest_.remove_prefix(characters); }
  void end() const {
    if (!rest_.empty()) fail("the end of the line");
  }

 private:
  std::string_view rest_;
  std::string where_;
};

class decision_reader {
 public:
  /// Adds one line to `d`. \throws input_error  for a line that is none of a decision
  static void read(line_reader& in, decision& d) {
    if (in.take("stop ")) {
      d.stops.push_back(in.id<job_id>("a job"));
    } else if (in.take("resize ")) {
      resize r;
      placed(in, r.job, r.point, r.where);
      r.moved = in.take(" moved");
      r.rewired = moves(in);
      d.resizes.push_back(std::move(r));
    } else if (in.take("start ")) {
      start s;
      placed(in, s.job, s.point, s.where);
      s.rewired = moves(in);
      d.starts.push_back(std::move(s));
    } else if (in.take("wait ")) {
      blocked b;
      b.job = in.id<job_id>("a job");
      b.why = reason(in);
      b.proved = in.take(" proved");
      d.waiting.push_back(b);
    } else if (in.take("on ")) {
      d.servers_on.push_back(in.id<server_id>("a server"));
    } else if (in.take("off ")) {
      d.servers_off.push_back(in.id<server_id>("a server"));
    } else if (in.take("again ")) {
      d.again_s = in.number<double>("a time");
    } else {
      in.fail("stop, resize, start, wait, on, off or again");
    }
    in.end();
  }

 private:
  static void placed(line_reader& in, job_id& job, model::operating_point& p,
                     fabric::placement& where) {
    job = in.id<job_id>("a job");
    if (!in.take(" point")) in.fail("a point");
    p.config.gpus = in.after_space<int>("GPUs");
    p.config.servers = in.after_space<int>("servers");
    p.config.local_batch = in.after_space<double>("a batch");
    p.config.clock_ghz = in.after_space<double>("a clock");
    p.throughput = in.after_space<double>("a throughput");
    p.power_w = in.after_space<double>("a power");
    p.waiting_power_w = in.after_space<double>("a power");
    if (in.take(" type ")) p.config.type = in.number<std::uint16_t>("a GPU type");
    if (!in.take(" gpus ")) in.fail("GPUs");
    do {
      const auto first = in.number<std::uint32_t>("a GPU");
      const auto last = in.take("-") ? in.number<std::uint32_t>("a GPU") : first;
      if (last < first || last - first > longest) in.fail("GPUs that rise");
      for (std::uint32_t n = 0; n <= last - first; ++n) where.gpus.push_back(gpu_id{first + n});
    } while (in.take(","));
    if (in.take(" links ")) parts(in, where.links, &fabric::link::lane);
    if (in.take(" circuits ")) parts(in, where.circuits, &fabric::circuit::uplink);
    if (in.take(" core_links ")) core_links(in, where.core_links);
    if (in.take(" shape ")) where.shape = shape(in);
    if (in.take(" faces ")) faces(in, where.faces);
    if (in.take(" for ")) where.enough_for = names(in);
  }
  static declared names(line_reader& in) {
    declared all;
    do {
      if (in.take("width ")) {
        all.width = in.number<int>("a width");
        if (all.width < 1) in.fail("a width of 1 and more");
        continue;
      }
      const std::string_view word = in.word();
      const std::optional<collective> c = collective_named(word);
      if (!c) in.fail("a collective");
      in.drop(word.size());
      all.names.add(*c);
    } while (in.take(","));
    return all;
  }
  static void core_links(line_reader& in, std::vector<fabric::core_link>& out) {
    do {
      fabric::core_link k;
      k.spine = in.id<spine_id>("a spine");
      if (!in.take(".")) in.fail("a core");
      k.core = in.id<core_id>("a core");
      if (!in.take(".")) in.fail("the number of a link");
      k.lane = in.number<std::uint32_t>("the number of a link");
      const auto last = in.take("-") ? in.number<std::uint32_t>("a number") : k.lane;
      if (last < k.lane || last - k.lane > longest) in.fail("numbers that rise");
      for (std::uint32_t left = last - k.lane + 1; left > 0; --left, ++k.lane) out.push_back(k);
    } while (in.take(","));
  }
  static box_shape shape(line_reader& in) {
    box_shape s;
    do {
      const int side = in.number<int>("a side");
      if (side < 1 || side > 65535 || s.size() == box_shape::most_sides) in.fail("a side");
      s.add(side);
    } while (in.take("x"));
    return s;
  }
  static void faces(line_reader& in, std::vector<fabric::face_circuit>& out) {
    do {
      fabric::face_circuit k;
      k.from = in.id<unit_id>("a cube");
      if (!in.take(">")) in.fail("another cube");
      k.to = in.id<unit_id>("a cube");
      if (!in.take(":")) in.fail("a dimension");
      k.dimension = in.number<std::uint16_t>("a dimension");
      if (!in.take(".")) in.fail("a position");
      k.position = in.number<std::uint16_t>("a position");
      const int last = in.take("-") ? in.number<std::uint16_t>("a position") : k.position;
      if (last < k.position) in.fail("positions that rise");
      for (int left = last - k.position; left >= 0; --left, ++k.position) out.push_back(k);
    } while (in.take(","));
  }
  template <class Part>
  static void parts(line_reader& in, std::vector<Part>& out, std::uint32_t Part::*which) {
    do {
      Part k = part(in, which);
      const auto last = in.take("-") ? in.number<std::uint32_t>("a number") : k.*which;
      if (last < k.*which || last - k.*which > longest) in.fail("numbers that rise");
      for (std::uint32_t left = last - k.*which + 1; left > 0; --left, ++(k.*which))
        out.push_back(k);
    } while (in.take(","));
  }
  template <class Part>
  static Part part(line_reader& in, std::uint32_t Part::*which) {
    Part k;
    k.leaf = in.id<leaf_id>("a leaf");
    if (!in.take(".")) in.fail("a spine");
    k.spine = in.id<spine_id>("a spine");
    if (!in.take(".")) in.fail("the number of a link");
    k.*which = in.number<std::uint32_t>("the number of a link");
    return k;
  }
  static std::vector<fabric::circuit_move> moves(line_reader& in) {
    std::vector<fabric::circuit_move> out;
    if (!in.take(" rewired ")) return out;
    do {
      fabric::circuit_move m;
      m.job = in.id<job_id>("a job");
      if (!in.take(":")) in.fail("a circuit");
      m.from = part(in, &fabric::circuit::uplink);
      if (!in.take(">")) in.fail("another circuit");
      m.to = part(in, &fabric::circuit::uplink);
      out.push_back(m);
    } while (in.take(","));
    return out;
  }
  static place::wait_reason reason(line_reader& in) {
    using enum place::wait_reason;
    if (!in.take(" ")) in.fail("a reason");
    for (place::wait_reason r : {queue, budget, gpus, gpu_fragmentation, network_fragmentation,
                                 search_limit, unsupported, tapered, none})
      if (in.take(place::name(r))) return r;
    in.fail("a reason to wait");
  }

  static constexpr std::uint32_t longest = 1u << 28;
};

}  // namespace heddle::schedule::detail
