// heddle-sweep: one simulation for each point of a grid, one row of a CSV for each simulation.
//
// Threads of one machine take the next run when they are free. Under mpirun rank 0 hands out runs to
// the others. Rows are kept in a journal beside the CSV as they come, so that a sweep that was killed
// goes on where it was; the CSV is written in the order of the grid when all runs are done.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/json_file.hpp"
#include "common/program.hpp"
#include "common/simulation.hpp"
#include "sweep/grid.hpp"
#include "sweep/journal.hpp"
#include "sweep/ranks.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
using sweep::grid;
using sweep::journal;

struct arguments {
  std::string grid, out = "-";
  int threads = 0;
  bool progress = false, strict = false;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--grid", a.grid, "grid JSON")->required();
  app.add_option("--out", a.out, "CSV with a row a run; its journal is <out>.journal")->required();
  app.add_option("--threads", a.threads, "threads, 0: as many as processors")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--strict", a.strict, "what would be passed over in reading jobs is an error");
  app.add_flag("--progress", a.progress, "a progress line on standard error");
}

/// Calls `run(i)` for all runs that `take()` gives, on several threads; throws what the first threw.
template <class Take, class Run>
void on_threads(int threads, Take&& take, Run&& run) {
  std::exception_ptr thrown;
  std::mutex guard;
  std::atomic<bool> stop{false};
  const auto work = [&] {
    while (!stop) {
      const std::optional<std::size_t> i = take();
      if (!i) return;
      try {
        run(*i);
      } catch (...) {
        const std::lock_guard lock(guard);
        if (!thrown) thrown = std::current_exception();
        stop = true;
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work);
    work();
  }
  if (thrown) std::rethrow_exception(thrown);
}

class progress {
 public:
  progress(bool shown, std::size_t runs) : shown_(shown), runs_(runs) {}
  ~progress() {
    if (shown_ && drawn_) std::cerr << '\n';
  }
  void operator()(std::size_t done) {
    if (!shown_) return;
    std::cerr << "\rheddle-sweep: " << done << " of " << runs_ << " runs done   " << std::flush;
    drawn_ = true;
  }

 private:
  bool shown_, drawn_ = false;
  std::size_t runs_;
};

int sweep_grid(const arguments& a) {
  sweep::ranks all;
  return all.guarded([&] {
    const model::catalogue known;
    const grid g{json_file{a.grid}, known, a.strict};
    if (!all.is_first()) {  // hands in rows until there is nothing left to do
      while (const std::optional<std::size_t> i = all.next()) all.hand_in(*i, g.run(*i, known));
      return static_cast<int>(done);
    }

    if (a.out == "-")
      throw input_error("--out", "a file, which a journal can stand beside", "\"-\"");
    journal rows{a.out + ".journal", g.fingerprint(), g.size()};
    progress tell{a.progress, g.size()};
    tell(rows.size());
    std::size_t next = 0;
    const auto take = [&]() -> std::optional<std::size_t> {
      while (next < g.size() && rows.contains(next)) ++next;
      return next < g.size() ? std::optional{next++} : std::nullopt;
    };
    const auto keep = [&](std::size_t i, const std::string& row) {
      rows.add(i, row);
      tell(rows.size());
    };
    if (all.size() > 1) {
      all.hand_out(take, keep);
    } else {
      std::mutex guard;
      const int threads = a.threads > 0
                              ? a.threads
                              : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
      on_threads(
          threads,
          [&] {
            const std::lock_guard lock(guard);
            return take();
          },
          [&](std::size_t i) {
            const std::string row = g.run(i, known);
            const std::lock_guard lock(guard);
            keep(i, row);
          });
    }
    std::string csv = grid::header() + '\n';
    for (std::size_t i = 0; i < g.size(); ++i) csv += rows.row(i) + '\n';
    whole_files out;
    out.add(a.out, csv);
    out.commit();
    return static_cast<int>(done);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const sweep::mpi_session session{argc, argv};
  arguments a;
  return run_program(
      "heddle-sweep", "Runs a grid of simulations, on threads or under mpirun.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return sweep_grid(a); });
}
