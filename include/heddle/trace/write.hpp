// Writing jobs, in the form in which `read_jobs` reads them.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include <heddle/core/gpu_types.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/shape.hpp>

namespace heddle::trace {

namespace detail {

/// Appends a number with as few digits as read back to the same.
template <class Number>
void append_number(std::string& out, Number value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  out.append(text, end);
}

/// Appends a text, in quotes where it would not be read back as it is.
inline void append_field(std::string& out, std::string_view text) {
  const bool bare = text.find_first_of(",\"\r\n") == std::string_view::npos &&
                    (text.empty() || (text.front() != ' ' && text.front() != '\t' &&
                                      text.back() != ' ' && text.back() != '\t'));
  if (bare) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace detail

/// Writes all fields of jobs as CSV with a header; what has its default is left empty where that is
/// how `read_jobs` finds it again. Reading gives the same jobs, and writing those the same bytes.
///
/// \param gpu_types  names by number, where jobs may ask for a type: a column, `any` for those that do not
/// Preconditions: what `read_jobs` asks of a job; texts have no zero byte, and are not all blanks; types have names.
inline void write_csv(std::ostream& out, std::span<const job> jobs,
                      std::span<const std::string> gpu_types = {}) {
  const bool any_overlap =
      std::any_of(jobs.begin(), jobs.end(), [](const job& j) { return j.overlap > 0; });
  const bool any_shape =
      std::any_of(jobs.begin(), jobs.end(), [](const job& j) { return !j.shape.empty(); });
  std::string line =
      "job_id,submit_s,gpus,duration_s,model,local_batch,collective,comm_share,priority,weight,"
      "deadline_s,min_gpus,max_gpus,status,vc";
  if (any_overlap) line += ",overlap";
  if (!gpu_types.empty()) line += ",gpu_type";
  line += any_shape ? ",shape\n" : "\n";
  out << line;
  for (const job& j : jobs) {
    line.clear();
    const auto number = [&](auto value) { detail::append_number(line += ',', value); };
    const auto number_unless = [&](auto value, auto missing) {
      line += ',';
      if (value != missing) detail::append_number(line, value);
    };
    detail::append_number(line, j.id.value);
    number(j.submit_s);
    number(j.gpus);
    number(j.duration_s);
    detail::append_field(line += ',', j.model);
    number_unless(j.local_batch, 0.0);
    (line += ',') += j.sends == nccl_collectives ? nccl_name : name(j.pattern);
    number(j.comm_share);
    number(j.priority);
    number(j.weight);
    number_unless(j.deadline_s, std::numeric_limits<double>::infinity());
    number(j.min_gpus);
    number_unless(j.max_gpus, std::numeric_limits<int>::max());
    number(j.status);
    detail::append_field(line += ',', j.vc);
    if (any_overlap) number(j.overlap);
    if (!gpu_types.empty())
      detail::append_field(line += ',', j.gpu_type == any_gpu_type
                                            ? "any"
                                            : gpu_types[static_cast<std::size_t>(j.gpu_type)]);
    if (any_shape) (line += ',') += text_of(j.shape);
    out << (line += '\n');
  }
}

}  // namespace heddle::trace
