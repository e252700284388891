// What a user says to the pilot in the comment of a job. It is data: words of known forms, of bounded size; other
// words are for others.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <heddle/core/collective.hpp>
#include <heddle/core/text.hpp>

namespace heddle::pilot {

/// How a job is told to save a checkpoint, and how long it may take to.
struct notice {
  std::string signal = "USR1";
  double seconds = 60;

  friend bool operator==(const notice&, const notice&) = default;
};

/// GPUs that an elastic job can have.
struct elastic_range {
  int least = 0, most = 0;

  friend bool operator==(const elastic_range&, const elastic_range&) = default;
};

/// `collective=all_to_all model=bert elastic=2-16 notice=USR1@60 samples=1e6`
struct job_hints {
  std::optional<collective> pattern{};
  collective_set sends{};  ///< with `collective=nccl`
  std::string model{};
  std::optional<elastic_range> elastic{};
  std::optional<notice> told_by{};  ///< else as the pilot has it
  double samples = 0;               ///< all that it has to do; 0: not told
  std::string odd{};  ///< a word that is not understood, and what it should be; empty: none
};

inline constexpr int most_elastic_gpus = 1 << 20;
inline constexpr double longest_notice_s = 3600;

/// `2-16`, two numbers of GPUs, the second no smaller.
[[nodiscard]] inline std::optional<elastic_range> read_elastic(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto least = number_in<int>(text.substr(0, dash)),
             most = number_in<int>(text.substr(dash + 1));
  if (!least || !most || *least < 1 || *most < *least || *most > most_elastic_gpus)
    return std::nullopt;
  return elastic_range{*least, *most};
}

/// `USR1@60`, a signal that a program may take for a word to it, and seconds. None that ends or stops what does
/// not listen, but TERM.
[[nodiscard]] inline std::optional<notice> read_notice(std::string_view text) {
  constexpr std::array<std::string_view, 6> signals{"USR1", "USR2", "TERM", "INT", "HUP", "URG"};
  const auto at = text.find('@');
  const std::string_view name = text.substr(0, at);
  if (std::find(signals.begin(), signals.end(), name) == signals.end()) return std::nullopt;
  notice n{.signal = std::string(name)};
  if (at == text.npos) return n;
  const auto seconds = number_in<double>(text.substr(at + 1));
  if (!seconds || !(*seconds >= 1 && *seconds <= longest_notice_s)) return std::nullopt;
  n.seconds = *seconds;
  return n;
}

/// Reads at most the first 4096 bytes. Of a word that stands there twice the last counts.
[[nodiscard]] inline job_hints read_hints(std::string_view comment) {
  constexpr std::size_t most_bytes = 4096;
  comment = comment.substr(0, most_bytes);
  job_hints h;
  while (!comment.empty()) {
    const auto end = comment.find_first_of(" ,;\t\n");
    const std::string_view word = comment.substr(0, end);
    const auto value = [&](std::string_view key) -> std::optional<std::string_view> {
      if (!word.starts_with(key)) return std::nullopt;
      return word.substr(key.size());
    };
    if (const auto v = value("collective=")) {
      h.pattern = sent_by(*v);
      h.sends = *v == nccl_name ? nccl_collectives : collective_set{};
    }
    if (const auto v = value("model=")) h.model = *v;
    if (const auto v = value("elastic="); v && !(h.elastic = read_elastic(*v)))
      h.odd = "elastic=" + shown(*v) + ", it should be like 2-16";
    if (const auto v = value("notice="); v && !(h.told_by = read_notice(*v)))
      h.odd = "notice=" + shown(*v) + ", it should be like USR1@60";
    if (const auto v = value("samples=")) {
      h.samples = number_in<double>(*v).value_or(0);
      if (!(h.samples >= 1 && h.samples <= 1e18)) {
        h.samples = 0;
        h.odd = "samples=" + shown(*v) + ", it should be a number from 1 to 1e18";
      }
    }
    comment = end == comment.npos ? std::string_view{} : comment.substr(end + 1);
  }
  return h;
}

}  // namespace heddle::pilot
