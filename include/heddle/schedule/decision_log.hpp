// Decisions written down, and made again from what was written.
//
//   decision_log   writes every decision, as an observer of a simulation or called by a live cluster
//   read_log       reads them back
//   replayed       a scheduler that makes these decisions again, and then goes on by itself
//
// A log is the checkpoint of a simulation: what it holds is enough to come to the same state without
// asking any policy, whatever the network model keeps to itself. A log may be cut anywhere, as by a
// machine that was switched off; what is left of the last decision is then ignored.
#pragma once

#include <concepts>
#include <cstddef>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/decision_text.hpp>
#include <heddle/schedule/detail/decision_reader.hpp>

namespace heddle::schedule {

inline constexpr std::string_view log_header = "heddle decisions 1";

/// Writes decisions to a stream, each whole.
class decision_log {
 public:
  /// \param header  false to go on with a log that has one
  explicit decision_log(std::ostream& out, bool header = true) : out_(&out) {
    if (header) *out_ << log_header << '\n';
  }

  void write(double at_s, const decision& d) {
    text_.clear();
    append_text(text_, at_s, d);
    text_ += "end\n";
    *out_ << text_ << std::flush;
  }
  /// As an observer of a simulation, which tells it of each `decision_made`.
  template <class Event>
    requires requires(const Event& e) {
      { e.what } -> std::same_as<const decision&>;
    }
  void operator()(const Event& e) { write(e.now_s, e.what); }

 private:
  std::ostream* out_;
  std::string text_;
};

/// A decision and when it was made.
struct logged {
  double at_s = 0;
  decision decided = {};

  friend bool operator==(const logged&, const logged&) = default;
};

/// Reads the log that `in` holds. A last decision without its `end` is left out.
/// \param bytes  if not null, set to the length of the header and the whole decisions: what a log
///               that goes on keeps
/// \throws input_error  `name:line: expected …, got …`, also for a log of another version
[[nodiscard]] inline std::vector<logged> read_log(std::istream& in, const std::string& name,
                                                  std::size_t* bytes = nullptr) {
  std::vector<logged> out;
  std::string line;
  std::size_t number = 1, length = 0;
  const auto where = [&] { return name + ":" + std::to_string(number); };
  if (!std::getline(in, line) || line != log_header)
    throw input_error(where(), "\"" + std::string(log_header) + "\"", "\"" + line + "\"");
  length = line.size() + 1;
  if (bytes) *bytes = length;
  logged current;
  bool open = false;
  while (std::getline(in, line)) {
    ++number;
    if (in.eof()) break;  // cut in the middle of a line
    length += line.size() + 1;
    detail::line_reader words{line, where()};
    if (!open) {
      if (!words.take("at ")) words.fail("the time of a decision");
      current = {.at_s = words.number<double>("a time")};
      words.end();
      open = true;
    } else if (line == "end") {
      out.push_back(std::move(current));
      if (bytes) *bytes = length;
      open = false;
    } else {
      detail::decision_reader::read(words, current.decided);
    }
  }
  return out;
}

/// Makes the decisions of a log again, and then those of `Plan`. `decide` has the result, and
/// leaves the state, that the scheduler would have had and left itself.
template <class Plan>
class replayed {
 public:
  /// \param plan  is used as it is and must outlive this
  replayed(Plan& plan, std::vector<logged> log) : plan_(&plan), log_(std::move(log)) {}

  [[nodiscard]] decltype(auto) route() const { return plan_->route(); }
  [[nodiscard]] decltype(auto) options() const { return plan_->options(); }
  template <class Fabric, class Contention>
    requires requires(const Plan& plan, const Fabric& dc, const Contention& c) {
      plan.make_network(dc, c);
    }
  [[nodiscard]] auto make_network(const Fabric& dc, const Contention& c) const {
    return plan_->make_network(dc, c);
  }
  template <class State>
  [[nodiscard]] bool carry_out(State& s, double now_s, const decision& d) {
    return plan_->carry_out(s, now_s, d);
  }
  /// Decisions made from the log so far.
  [[nodiscard]] std::size_t replayed_decisions() const { return next_; }

  /// \throws input_error  if the next decision of the log is of another time or does not fit: it
  ///                      belongs to another cluster, trace or set of options
  template <class State>
  decision decide(State& s, double now_s) {
    if (next_ == log_.size()) return plan_->decide(s, now_s);
    logged& l = log_[next_];
    if (l.at_s != now_s)
      throw input_error("decision " + std::to_string(next_), "time " + std::to_string(now_s) + " s",
                        std::to_string(l.at_s) + " s");
    ++next_;
    if (!plan_->carry_out(s, now_s, l.decided))
      throw input_error("decision " + std::to_string(next_ - 1),
                        "one that fits the cluster and jobs", "another");
    return std::move(l.decided);
  }

 private:
  Plan* plan_;
  std::vector<logged> log_;
  std::size_t next_ = 0;
};

}  // namespace heddle::schedule
