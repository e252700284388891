// Files of jobs in any form that is known: heddle's own, accounting, published traces.
#pragma once

#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/job.hpp>

namespace heddle::trace {

enum class job_source : unsigned char;
struct missing;
struct read_options;
struct read_report;

}  // namespace heddle::trace

namespace heddle::examples {

/// How a file of jobs is to be read.
struct jobs_file_options {
  std::string from;     ///< a name of trace::job_source_names; empty: by content
  std::string flag;     ///< that says so, as --jobs-from
  bool strict = false;  ///< what would be passed over is an error
};

/// Names of sources, for --help and errors.
[[nodiscard]] std::string source_names();

/// Who wrote a text that begins like this. \throws input_error  where that leaves several, and for
/// unknown names
[[nodiscard]] trace::job_source source_of(const std::string& name, std::string_view ahead,
                                          const jobs_file_options& o);

/// Says on standard error what a file was read as and what was passed over; once for each file.
/// \throws input_error  under `strict`, if anything was
void tell_passed_over(const std::string& name, trace::job_source source,
                      const trace::read_report& report, const jobs_file_options& o);

/// Reads jobs as `trace::read_jobs` does, whatever their form.
/// \param ahead  the beginning of the text
/// \param fill   as of `trace::read_jobs`; may be empty
[[nodiscard]] std::vector<job>
read_jobs_text(std::istream& in, const std::string& name, std::string_view ahead,
               const jobs_file_options& o, const trace::read_options& read,
               const std::function<void(job&, const trace::missing&)>& fill);

}  // namespace heddle::examples
