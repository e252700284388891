#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/trace/recognise.hpp>
#include <heddle/trace/swf.hpp>
#include <heddle/trace/write.hpp>

#include "common/jobs_file.hpp"
#include "common/open_text.hpp"
#include "common/program.hpp"
#include "convert/command.hpp"

namespace heddle::examples {

namespace {

struct arguments {
  std::string in = "-", out = "-", to = "csv", rounding = "up";
  jobs_file_options read{.flag = "--from"};
  bool no_running = false;
};

/// The columns that workload logs have no field for and that some job has.
std::string lost_in_swf(const std::vector<job>& jobs) {
  std::string out;
  const auto ask = [&](const char* column, const auto& has) {
    for (const job& j : jobs)
      if (has(j)) {
        (out += out.empty() ? "" : ", ") += column;
        return;
      }
  };
  ask("model", [](const job& j) { return !j.model.empty(); });
  ask("local_batch", [](const job& j) { return j.local_batch > 0; });
  ask("collective", [](const job& j) { return j.pattern != collective::none; });
  ask("comm_share", [](const job& j) { return j.comm_share > 0; });
  ask("priority", [](const job& j) { return j.priority != 0; });
  ask("weight", [](const job& j) { return j.weight != 1; });
  ask("deadline_s", [](const job& j) { return j.deadline_s < job{}.deadline_s; });
  ask("min_gpus", [](const job& j) { return j.min_gpus > 1; });
  ask("max_gpus", [](const job& j) { return j.max_gpus < std::numeric_limits<int>::max(); });
  return out;
}

int convert(const arguments& a) {
  open_text text(a.in);
  const std::string ahead(text.ahead());
  const trace::job_source source = source_of(text.name(), ahead, a.read);
  const trace::published_jobs t =
      trace::read_source(source, text.stream(), text.name(), ahead,
                         {.rounding = a.rounding == "up"     ? trace::whole_gpus::up
                                      : a.rounding == "down" ? trace::whole_gpus::down
                                                             : trace::whole_gpus::nearest,
                          .keep_running = !a.no_running});
  if (source != trace::job_source::csv) tell_passed_over(text.name(), source, t.report, a.read);

  std::ostringstream out;
  if (a.to == "swf") {
    trace::write_swf(out, t.jobs, t.origin_s);
    if (const std::string lost = lost_in_swf(t.jobs); !lost.empty())
      std::cerr << program_name()
                << ": not written, since workload logs have no field for it: " << lost << std::endl;
  } else {
    trace::write_csv(out, t.jobs);
  }
  whole_files files;
  files.add(a.out, out.str());
  files.commit();
  return done;
}

}  // namespace

command jobs_command(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("jobs", "accounting or a published trace as jobs CSV");
  const auto a = std::make_shared<arguments>();
  sub->add_option("--in,in", a->in, "the jobs, packed or not; - is standard input")
      ->capture_default_str();
  sub->add_option("--from", a->read.from,
                  "who wrote them: " + source_names() + " (else: by content)");
  sub->add_option("--to", a->to, "csv, or swf: the Standard Workload Format")
      ->check(CLI::IsMember({"csv", "swf"}))
      ->capture_default_str();
  sub->add_option("--rounding", a->rounding, "of parts of GPUs: up, nearest or down")
      ->check(CLI::IsMember({"up", "nearest", "down"}))
      ->capture_default_str();
  sub->add_flag("--no-running", a->no_running, "pass over jobs that were still running at the end");
  sub->add_flag("--strict", a->read.strict, "what would be passed over is an error");
  sub->add_option("--out", a->out, "- is standard output")->capture_default_str();
  return {sub, [a] { return convert(*a); }};
}

}  // namespace heddle::examples
