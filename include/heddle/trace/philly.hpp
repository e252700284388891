// The job log of Microsoft's Philly clusters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/trace/detail/json_reader.hpp>
#include <heddle/trace/detail/moment.hpp>
#include <heddle/trace/published.hpp>

namespace heddle::trace {

namespace detail {

/// One run of a job: failed ones are tried again.
struct philly_attempt {
  std::optional<double> start_s, end_s;
  std::size_t gpus = 0;
};

class philly_reader {
 public:
  philly_reader(std::istream& in, const std::string& name) : json_(in, name) {}

  published_jobs read(const published_options& o) {
    job_collector out{o};
    json_.array("a list of jobs", [&] {
      const std::size_t line = json_.line();
      out.add(job(), json_.where(line));
    });
    json_.end();
    return std::move(out).done();
  }

 private:
  /// A job has the GPUs of its largest attempt, and runs as long as all together.
  source_job job() {
    source_job j;
    std::optional<double> submit;
    double ran_s = 0;
    bool ran = false, cut_off = false;
    json_.object("a job", [&](const std::string& key) {
      if (key == "jobid") {
        j.name = json_.string("the name of a job");
      } else if (key == "status") {
        j.status = status_in(json_.string("a status"));
      } else if (key == "vc") {
        if (!json_.null()) j.vc = json_.string("a virtual cluster");
      } else if (key == "submitted_time") {
        submit = moment();
      } else if (key == "attempts") {
        json_.array("the attempts of a job", [&] {
          const philly_attempt a = attempt();
          cut_off = a.start_s && !a.end_s;  // of the last
          if (!a.start_s || !a.end_s) return;
          ran = true;
          ran_s += *a.end_s - *a.start_s;
          j.gpus = std::max(j.gpus, static_cast<double>(a.gpus));
        });
      } else {
        json_.skip();
      }
    });
    if (j.name.empty()) json_.fail("a job with its jobid", "none");
    if (!submit) json_.fail("the submitted_time of job " + shown(j.name), "none");
    j.submit_s = *submit;
    if (cut_off)
      j.status = 4;  // for how long, nobody knows
    else if (ran)
      j.duration_s = ran_s;
    return j;
  }
  philly_attempt attempt() {
    philly_attempt a;
    json_.object("an attempt", [&](const std::string& key) {
      if (key == "start_time") {
        a.start_s = moment();
      } else if (key == "end_time") {
        a.end_s = moment();
      } else if (key == "detail") {
        json_.array("the servers of an attempt", [&] {
          json_.object("a server", [&](const std::string& part) {
            if (part != "gpus") return json_.skip();
            json_.array("the GPUs of a server", [&] {
              json_.skip();
              ++a.gpus;
            });
          });
        });
      } else {
        json_.skip();
      }
    });
    return a;
  }
  /// A time; nothing for null and "None".
  std::optional<double> moment() {
    if (json_.null()) return std::nullopt;
    const std::string text = json_.string("a time in quotes, or null");
    if (is_null(trimmed(text))) return std::nullopt;
    const auto at = moment_in(trimmed(text));
    if (!at || !(*at > -1e15 && *at < 1e15))
      json_.fail("a time like 2017-10-07 01:11:39", shown(text));
    return at;
  }

  json_reader json_;
};

}  // namespace detail

/// Reads `cluster_job_log`, a JSON list of jobs with their attempts. A job asks for the GPUs of its
/// largest attempt and runs for the time of all attempts that have a start and an end; one whose
/// last attempt has no end was still running, for an unknown time.
///
///     std::ifstream in("cluster_job_log");
///     const auto trace = trace::read_philly(in, "cluster_job_log");
///
/// \throws input_error  `name:line: expected …, got …` for text that is no such list
/// Reference: github.com/msr-fiddle/philly-traces.
[[nodiscard]] inline published_jobs read_philly(std::istream& in, const std::string& name,
                                                const published_options& o = {}) {
  return detail::philly_reader{in, name}.read(o);
}

}  // namespace heddle::trace
