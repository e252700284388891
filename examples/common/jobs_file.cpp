#include "common/jobs_file.hpp"

#include <iostream>
#include <mutex>
#include <set>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/trace/recognise.hpp>

#include "common/program.hpp"

namespace heddle::examples {

std::string source_names() {
  std::string out;
  for (std::string_view n : trace::job_source_names) (out += out.empty() ? "" : ", ") += n;
  return out;
}

trace::job_source source_of(const std::string& name, std::string_view ahead,
                            const jobs_file_options& o) {
  if (!o.from.empty()) {
    if (const auto named = trace::job_source_named(o.from)) return *named;
    throw input_error(o.flag, "one of " + source_names(), "\"" + o.from + "\"");
  }
  const auto all = trace::sources_of(ahead);
  if (all.size() > 1) {
    std::string names;
    for (trace::job_source s : all) (names += names.empty() ? "" : " or ") += trace::name(s);
    throw input_error(name + ":1", o.flag + " " + names, "columns that all of these have");
  }
  return all.empty() ? trace::job_source::csv : all.front();
}

void tell_passed_over(const std::string& name, trace::job_source source,
                      const trace::read_report& report, const jobs_file_options& o) {
  const std::string over = trace::passed_over(report);
  if (o.strict && !over.empty()) throw input_error(name, "nothing to pass over (--strict)", over);
  if (over.empty() && !o.from.empty()) return;
  static std::mutex one_at_a_time;
  static std::set<std::string> said;
  const std::lock_guard lock(one_at_a_time);
  if (!said.insert(name).second) return;
  const std::string source_name(trace::name(source));
  std::cerr << program_name() << ": " << name << ": read as " << source_name
            << (o.flag == "--from" ? "" : " (heddle-convert jobs --from " + source_name + ")")
            << ", " << report.read << (report.read == 1 ? " job" : " jobs")
            << (over.empty() ? "" : "; passed over: " + over) << std::endl;
}

std::vector<job> read_jobs_text(std::istream& in, const std::string& name, std::string_view ahead,
                                const jobs_file_options& o, const trace::read_options& read,
                                const std::function<void(job&, const trace::missing&)>& fill) {
  const auto filled = [&](job& j, const trace::missing& m) {
    if (fill) fill(j, m);
  };
  const std::string begun(ahead);
  const trace::job_source source = source_of(name, begun, o);
  if (source == trace::job_source::csv) return trace::read_jobs(in, name, read, filled);
  trace::published_jobs jobs = trace::read_source(source, in, name, begun);
  tell_passed_over(name, source, jobs.report, o);
  return trace::as_read(std::move(jobs), name, read, filled);
}

}  // namespace heddle::examples
