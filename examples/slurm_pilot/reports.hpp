// What running jobs report of themselves: `<reports>/<job>/report`, a line each time,
//
//     <seconds since 1970> <samples done since the job was submitted> [checkpoint]
//
// The last word says that so many samples are safe. The prologue makes a job's directory and gives it to the job's
// user, in one where nobody else may make any. A job can say what it likes: only what has this form, belongs to
// its user and hangs together is believed.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/text.hpp>

#include "slurm_pilot/read_fields.hpp"

namespace heddle::pilot {

struct report_line {
  double time_s = 0, samples = 0;
  bool safe = false;  ///< a checkpoint holds them

  friend bool operator==(const report_line&, const report_line&) = default;
};

/// The end of a report.
struct job_progress {
  std::vector<report_line> lines{};  ///< times and samples never fall, but samples at a restart
  std::string odd{};  ///< why nothing of it is believed; empty: it is, or there is none yet

  [[nodiscard]] const report_line* last() const { return lines.empty() ? nullptr : &lines.back(); }
  [[nodiscard]] const report_line* last_safe() const {
    const auto at =
        std::find_if(lines.rbegin(), lines.rend(), [](const auto& l) { return l.safe; });
    return at == lines.rend() ? nullptr : &*at;
  }
  /// The first line that is no earlier.
  [[nodiscard]] const report_line* first_from(double time_s) const {
    const auto at =
        std::find_if(lines.begin(), lines.end(), [&](const auto& l) { return l.time_s >= time_s; });
    return at == lines.end() ? nullptr : &*at;
  }
};

/// Reads lines of a report. A first line that was cut is passed over, a last one without its end is not read yet.
/// \param whole  whether the text begins where the report does
[[nodiscard]] inline job_progress read_progress(std::string_view text, bool whole, double now_s) {
  constexpr double clocks_differ_s = 60, most_samples = 1e18;
  job_progress p;
  const auto odd = [&](std::string why) {
    p.lines.clear();
    p.odd = std::move(why);
    return p;
  };
  if (!whole) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const auto end = text.rfind('\n');
  if (end == text.npos) return p;
  for (std::string_view line : detail::split(text.substr(0, end), '\n')) {
    const auto words = detail::split(line, ' ', 4);
    const auto time = number_in<double>(words[0]);
    const auto samples = words.size() > 1 ? number_in<double>(words[1]) : std::nullopt;
    if (!time || !samples || words.size() > 3 || (words.size() == 3 && words[2] != "checkpoint"))
      return odd("a line is " + shown(line));
    if (!(*time >= 0 && *time <= now_s + clocks_differ_s))
      return odd("a time is " + shown(words[0]));
    if (!(*samples >= 0 && *samples <= most_samples)) return odd("samples are " + shown(words[1]));
    if (!p.lines.empty() && *time < p.lines.back().time_s) return odd("its times fall");
    p.lines.push_back({*time, *samples, words.size() == 3});
  }
  return p;
}

/// The last 64 kB of a job's report. Nothing is followed out of its directory: no links, no devices, and files
/// of its user alone.
/// \param user  whose job it is; below 0: not told, and nothing is believed
[[nodiscard]] inline job_progress read_report(const std::string& reports, std::uint32_t job,
                                              long user, double now_s) {
  constexpr off_t most_bytes = 1 << 16;
  struct file {
    int f;
    ~file() {
      if (f >= 0) ::close(f);
    }
  };
  const file top{::open(reports.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  struct stat about {};
  if (top.f < 0 || ::fstat(top.f, &about) != 0)
    return {{}, "the directory of reports cannot be read"};
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0)  // who comes first could stand in others' way
    return {{}, "others may write to the directory of reports"};
  const file own{::openat(top.f, std::to_string(job).c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (own.f < 0) return {};
  const auto belongs = [&](int f) {
    return ::fstat(f, &about) == 0 && user >= 0 && about.st_uid == static_cast<uid_t>(user);
  };
  if (!belongs(own.f)) return {{}, "its directory does not belong to its user"};
  const file in{::openat(own.f, "report", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (in.f < 0) return {};
  if (!belongs(in.f) || !S_ISREG(about.st_mode)) return {{}, "it is no file of the job's user"};
  const off_t from = std::max<off_t>(0, about.st_size - most_bytes);
  std::string text(static_cast<std::size_t>(std::min(about.st_size, most_bytes)), '\0');
  const ssize_t n = ::pread(in.f, text.data(), text.size(), from);
  if (n < 0) return {{}, "it cannot be read"};
  text.resize(static_cast<std::size_t>(n));
  return text.empty() ? job_progress{} : read_progress(text, from == 0, now_s);
}

}  // namespace heddle::pilot
