// heddle-sweep: one simulation for each point of a grid, one row of a CSV for each simulation.
//
// Threads of one machine take the next run when they are free. Under mpirun rank 0 hands out runs to
// the others, and simulates on threads of its own meanwhile. Rows are kept in a journal beside the CSV
// as they come, so that a sweep that was killed, or lost a rank, goes on where it was; the CSV is
// written in the order of the grid when all runs are done.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

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
  app.add_option(
         "--threads", a.threads,
         "threads, 0: as many as processors, or one where there are several ranks; those of "
         "ranks but the first have one")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--strict", a.strict, "what would be passed over in reading jobs is an error");
  app.add_flag("--progress", a.progress,
               "a progress line on standard error, as there is on a terminal");
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

/// Runs done and, from the pace so far, the time that the others will take, on one line that is rewritten.
class progress {
 public:
  progress(bool shown, std::size_t runs, std::size_t done) : shown_(shown), runs_(runs), at_(done) {
    (*this)(done);
  }
  ~progress() {
    if (shown_) std::cerr << '\n';
  }
  void operator()(std::size_t done) {
    if (!shown_) return;
    std::cerr << "\rheddle-sweep: " << done << " of " << runs_ << " runs done";
    if (done > at_ && done < runs_) {
      const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - began_;
      const double left_s =
          gone.count() / static_cast<double>(done - at_) * static_cast<double>(runs_ - done);
      std::cerr << ", " << static_cast<long>(left_s / 60) << " min "
                << static_cast<long>(left_s) % 60 << " s left";
    }
    std::cerr << "\033[K" << std::flush;
  }

 private:
  bool shown_;
  std::size_t runs_, at_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

/// How long rank 0 sleeps where no other rank asks: a 64th of a run, so that who asks waits for less
/// than that, and whoever simulates on the same processor hardly loses any of it.
class patience {
 public:
  void ran(std::chrono::nanoseconds a_run) {
    sum_ += a_run.count();
    ++runs_;
  }
  [[nodiscard]] std::chrono::nanoseconds operator()() const {
    const std::int64_t n = runs_;
    return std::clamp(std::chrono::nanoseconds(n > 0 ? sum_ / n / 64 : 0),
                      std::chrono::nanoseconds(50'000), std::chrono::nanoseconds(10'000'000));
  }

 private:
  std::atomic<std::int64_t> sum_ = 0, runs_ = 0;
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
    progress tell{a.progress || isatty(STDERR_FILENO) != 0, g.size(), rows.size()};
    std::mutex guard;  // of what follows
    std::size_t next = 0;
    const auto take = [&]() -> std::optional<std::size_t> {
      const std::lock_guard lock(guard);
      while (next < g.size() && rows.contains(next)) ++next;
      return next < g.size() ? std::optional{next++} : std::nullopt;
    };
    const auto keep = [&](std::size_t i, const std::string& row) {
      const std::lock_guard lock(guard);
      rows.add(i, row);
      tell(rows.size());
    };
    patience pause;
    const auto simulate = [&] {
      const int processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
      on_threads(a.threads > 0    ? a.threads
                 : all.size() > 1 ? 1
                                  : processors,
                 take, [&](std::size_t i) {
                   const auto began = std::chrono::steady_clock::now();
                   const std::string row = g.run(i, known);
                   pause.ran(std::chrono::steady_clock::now() - began);
                   keep(i, row);
                 });
    };
    if (all.size() == 1) {
      simulate();
    } else {
      std::future<void> own = std::async(std::launch::async, [&] {
        try {
          simulate();
        } catch (...) {
          const std::lock_guard lock(guard);
          next = g.size();  // the others end, too
          throw;
        }
      });
      all.hand_out(take, keep, pause);
      own.get();
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
