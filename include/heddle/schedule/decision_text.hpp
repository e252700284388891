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
// A decision begins with its time. A point is its GPUs, servers, local batch, clock in GHz,
// throughput, power and waiting power in W. A link is leaf.spine.lane, a circuit leaf.spine.uplink. Ranges are written a-b.
// Numbers are the shortest that read back as themselves.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <limits>
#include <optional>
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
    number(p.waiting_power_w).text(" gpus");
    for (std::size_t i = 0; i < where.gpus.size();) {
      std::size_t k = i + 1;
      while (k < where.gpus.size() && where.gpus[k].value == where.gpus[i].value + (k - i)) ++k;
      number(where.gpus[i].value, i ? ',' : ' ');
      if (k > i + 1) number(where.gpus[k - 1].value, '-');
      i = k;
    }
    parts(" links", where.links, &fabric::link::lane);
    parts(" circuits", where.circuits, &fabric::circuit::uplink);
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
    if (!in.take(" gpus ")) in.fail("GPUs");
    do {
      const auto first = in.number<std::uint32_t>("a GPU");
      const auto last = in.take("-") ? in.number<std::uint32_t>("a GPU") : first;
      if (last < first || last - first > longest) in.fail("GPUs that rise");
      for (std::uint32_t g = first; g <= last; ++g) where.gpus.push_back(gpu_id{g});
    } while (in.take(","));
    if (in.take(" links ")) parts(in, where.links, &fabric::link::lane);
    if (in.take(" circuits ")) parts(in, where.circuits, &fabric::circuit::uplink);
  }
  template <class Part>
  static void parts(line_reader& in, std::vector<Part>& out, std::uint32_t Part::*which) {
    do {
      Part k = part(in, which);
      const auto last = in.take("-") ? in.number<std::uint32_t>("a number") : k.*which;
      if (last < k.*which || last - k.*which > longest) in.fail("numbers that rise");
      for (; k.*which <= last; ++(k.*which)) out.push_back(k);
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
    // The longer of two that begin alike goes first.
    for (place::wait_reason r : {queue, budget, gpus, gpu_fragmentation, network_fragmentation,
                                 search_limit, unsupported, none})
      if (in.take(place::name(r))) return r;
    in.fail("a reason to wait");
  }

  static constexpr std::uint32_t longest = 1u << 28;
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
