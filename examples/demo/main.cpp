// heddle-demo: one workload under several schedulers, as a table, a page and plots.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include "common/program.hpp"
#include "common/table.hpp"
#include "experiment.hpp"
#include "report.hpp"
#include "tables.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

struct arguments {
  demo::settings asked;
  std::int64_t seed = 1;  // with a sign, so that a negative one is seen
  std::string out = ".";
};

/// What is asked for, checked.
demo::settings settings_of(const arguments& a) {
  demo::settings s = a.asked;
  s.seed = static_cast<std::uint64_t>(a.seed);
  if (!(s.load >= 0.01 && s.load <= 10))
    throw input_error("--load", "a number from 0.01 to 10", shortest(s.load));
  return s;
}

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--out", a.out, "directory for report.html and the plots demo_*.svg")
      ->capture_default_str();
  app.add_option("--jobs", a.asked.jobs, "jobs of a run")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--load", a.asked.load, "GPU time asked for over GPU time there is, 0.01 to 10")
      ->capture_default_str();
  app.add_option("--seed", a.seed, "of the first run; each further run takes the next")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
      ->capture_default_str();
  app.add_option("--runs", a.asked.runs, "runs of each scheduler")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
}

/// Makes sure of the directory before time is spent: it is there, or its parent is.
/// \throws unmet_request  if files cannot be written there
void prepare(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directory(dir, error);
  if (error) throw unmet_request(dir.string() + ": cannot be written: " + error.message());
  whole_files probe;  // written beside, never committed
  probe.add((dir / "report.html").string(), "");
}

/// "12 of 90 simulations", on one line that is rewritten and cleared at the end.
class progress_line {
 public:
  progress_line() : shown_(isatty(STDERR_FILENO) != 0) {}
  ~progress_line() {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;

  void operator()(std::size_t done_so_far, std::size_t in_all) const {
    if (shown_)
      std::cerr << "\rheddle-demo: " << done_so_far << " of " << in_all << " simulations"
                << std::flush;
  }

 private:
  bool shown_;
};

void print_all(const demo::results& r) {
  print(std::cout, demo::network_table(r));
  std::cout << '\n'
            << wrapped(demo::run_time_finding(r) + " " + demo::waiting_finding(r)) << "\n\n";
  print(std::cout, demo::budget_table(r));
  std::cout << '\n' << wrapped(demo::budget_finding(r)) << '\n';
}

int run_demo(const arguments& a) {
  const demo::settings asked = settings_of(a);
  const std::filesystem::path dir = a.out;
  prepare(dir);
  const demo::results r = [&] {
    const progress_line line;
    return demo::run_all(asked, [&](std::size_t n, std::size_t in_all) { line(n, in_all); });
  }();

  const demo::pictures drawn = demo::draw_all(r);
  whole_files out;
  for (const demo::picture* p : drawn.all())
    out.add((dir / p->file).string(), examples::svg::file(p->drawn));
  const std::string page = (dir / "report.html").string();
  out.add(page, demo::report_page(r, drawn));
  out.commit();

  print_all(r);
  std::cout << "Written: " << page << " and " << drawn.all().size()
            << " plots beside it (demo_*.svg)\n";
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-demo", "Shows what isolation and energy-awareness buy on a simulated GPU cluster.",
      argc, argv, [&](CLI::App& app) { add_options(app, a); }, [&] { return run_demo(a); });
}
