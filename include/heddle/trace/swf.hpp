// The Standard Workload Format of the Parallel Workloads Archive.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/text.hpp>
#include <heddle/trace/detail/source_jobs.hpp>
#include <heddle/trace/looks_like.hpp>
#include <heddle/trace/published_jobs.hpp>
#include <heddle/trace/write.hpp>

namespace heddle::trace {

namespace detail {

/// The 18 numbers of a line, counted from 1; −1: unknown.
struct swf_line {
  std::array<double, 18> numbers{};
  [[nodiscard]] double at(std::size_t field) const { return numbers[field - 1]; }
};

[[nodiscard]] inline swf_line swf_line_in(std::string_view text, const std::string& where) {
  const auto all = words(text);
  if (all.size() != 18) throw input_error(where, "18 numbers", std::to_string(all.size()));
  swf_line out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto number = number_in<double>(all[i]);
    if (!number || !(std::abs(*number) < 1e15))
      throw input_error(where, "a number as field " + std::to_string(i + 1), shown(all[i]));
    out.numbers[i] = *number;
  }
  return out;
}

}  // namespace detail

/// Reads a workload log: 18 numbers a line, −1 for unknown, remarks behind `;`.
///
///     std::ifstream in("log.swf");
///     const auto trace = trace::read_swf(in, "log.swf");
///
/// | field | here |
/// |---|---|
/// | 1, 2 | name, submission in s; `; UnixStartTime:` says when 0 was |
/// | 4 | run time |
/// | 5, where it is unknown 8 | GPUs: processors given, or asked for |
/// | 11 | 1 completed, 0 failed, 5 cancelled |
/// | 13 | `vc`: the group |
///
/// Lines with the states 2, 3 and 4 are runs that a line of their job sums up: counted as steps.
/// \throws input_error  `name:line: expected …, got …` for a line of other text, a job that comes twice
/// Complexity: O(n log n) for n lines. Reference: cs.huji.ac.il/labs/parallel/workload/swf.html.
[[nodiscard]] inline published_jobs read_swf(std::istream& in, const std::string& name,
                                             const published_options& o = {}) {
  line_reader lines{in, name};
  detail::job_collector out{o};
  double origin_s = 0;
  while (lines.next()) {
    const std::string_view line = trimmed(lines.line());
    if (line.empty()) continue;
    if (line.front() == ';') {
      constexpr std::string_view key = "UnixStartTime:";
      const auto at = line.find(key);
      if (at == std::string_view::npos) continue;
      const auto told = number_in<double>(trimmed(line.substr(at + key.size())));
      if (told && *told > 0 && *told < 1e15) origin_s = *told;
      continue;
    }
    if (out.found() == 0 && detail::words(line).size() != 18)
      if (const text_kind kind = looks_like(lines.line()); !kind.name.empty())
        throw input_error(lines.where(), "18 numbers, as in the Standard Workload Format",
                          "what looks like " + std::string(kind.name));
    const detail::swf_line l = detail::swf_line_in(line.substr(0, line.find(';')), lines.where());
    const double state = l.at(11);
    if (state == 2 || state == 3 || state == 4) {
      out.step();
      continue;
    }
    detail::source_job j;
    if (!(l.at(1) >= 0)) throw input_error(lines.where(), "a job's number of at least 0", "less");
    detail::append_number(j.name, l.at(1));
    if (!(l.at(2) >= 0)) throw input_error(lines.where(), "a submission of at least 0 s", "less");
    j.submit_s = l.at(2);
    if (l.at(4) >= 0) j.duration_s = l.at(4);
    j.gpus = l.at(5) >= 0 ? l.at(5) : std::max(0.0, l.at(8));
    j.status = state == 1 ? 1 : state == 0 ? 2 : state == 5 ? 3 : -1;
    if (l.at(13) >= 0) detail::append_number(j.vc, l.at(13));
    out.add(std::move(j), lines.where());
  }
  published_jobs read = std::move(out).done();
  read.origin_s += origin_s;
  return read;
}

/// Writes jobs as a workload log: numbered from 1, times in whole seconds (run times at least 1),
/// tenants as groups: by their number if all are numbers, else by first appearance, named in remarks. What
/// else a job has is not kept.
/// \param origin_s  since 1970, of time 0; 0: unknown
inline void write_swf(std::ostream& out, std::span<const job> jobs, double origin_s = 0) {
  const auto number_of = [](const job& j) { return number_in<std::uint32_t>(j.vc); };
  const bool numbers = std::all_of(jobs.begin(), jobs.end(),
                                   [&](const job& j) { return j.vc.empty() || number_of(j); });
  std::map<std::string, std::size_t> group_of;
  std::vector<std::string> groups;
  int most = 0;
  for (const job& j : jobs) {
    most = std::max(most, j.gpus);
    if (j.vc.empty()) continue;
    if (numbers)
      group_of[j.vc] = *number_of(j);
    else if (group_of.emplace(j.vc, groups.size() + 1).second)
      groups.push_back(j.vc);
  }
  const auto whole = [](double x) { return static_cast<std::int64_t>(std::llround(x)); };
  out << "; Version: 2.2\n; MaxJobs: " << jobs.size() << "\n; MaxRecords: " << jobs.size() << '\n';
  if (origin_s > 0) out << "; UnixStartTime: " << whole(origin_s) << '\n';
  out << "; MaxProcs: " << most << "\n; Note: processors are GPUs\n";
  for (std::size_t g = 0; g < groups.size(); ++g)
    out << "; Note: group " << g + 1 << " is " << shown(groups[g]) << '\n';
  for (const job& j : jobs) {
    const int state = j.status == 1 ? 1 : j.status == 2 ? 0 : j.status == 3 ? 5 : -1;
    out << std::uint64_t{j.id.value} + 1 << ' ' << whole(j.submit_s) << " -1 "
        << std::max<std::int64_t>(1, whole(j.duration_s)) << ' ' << j.gpus << " -1 -1 " << j.gpus
        << " -1 -1 " << state << " -1 ";
    if (j.vc.empty())
      out << "-1";
    else
      out << group_of.at(j.vc);
    out << " -1 -1 -1 -1 -1\n";
  }
}

}  // namespace heddle::trace
