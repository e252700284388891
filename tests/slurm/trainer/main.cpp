// A trainer: computes, at the rate that its GPUs and their clocks give a job of the catalogue; reports, saves
// checkpoints, goes on from them.
//
//   trainer NAME=VALUE...
//     dir=       where `report` and `checkpoint` are; made if it is not there
//     samples=   all that there is to do
//     ranks=     the pilot's ranks.csv; its GPUs are those of gpus_in= (stand_in_gpus.hpp)
//     gpus_in=   directory of the stand-in's numbers
//     model=     of the catalogue, on a100 (resnet50)
//     batch=     samples of an iteration of all GPUs (256)
//     scale=     of the rate: how much faster than life (1)
//     compute=, sync=  factors on what the catalogue says of an iteration (1)
//     report_s=, save_s=  seconds between two reports (1) and two checkpoints (10)
//     deaf=1     does nothing at a signal
//
// It saves a checkpoint at SIGUSR1, and a line of `report` says so.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <heddle/model/catalogue.hpp>

#include "slurm/stand_in_gpus.hpp"
#include "slurm/trainer/training.hpp"

namespace {

using namespace heddle;

volatile sig_atomic_t told = 0;
extern "C" void hear(int) { told = 1; }

struct settings {
  std::map<std::string, std::string> all;
  [[nodiscard]] std::string text(const char* name, const char* otherwise) const {
    const auto at = all.find(name);
    return at == all.end() ? otherwise : at->second;
  }
  [[nodiscard]] double number(const char* name, double otherwise) const {
    const auto at = all.find(name);
    return at == all.end() ? otherwise : std::stod(at->second);
  }
};

/// The GPUs of a job, by machine.
struct team {
  struct part {
    test::stand_in_machine machine;
    std::vector<std::size_t> gpus;
  };
  std::vector<part> parts;
  int gpus = 0;

  team(const std::string& ranks, const std::string& directory) {
    std::map<std::string, std::vector<std::size_t>> of;
    std::ifstream in(ranks);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      const auto a = line.find(','), b = line.find(',', a + 1);
      of[line.substr(a + 1, b - a - 1)].push_back(std::stoul(line.substr(b + 1)));
      ++gpus;
    }
    for (auto& [name, mine] : of) parts.push_back({{directory, name}, std::move(mine)});
  }
  /// The clock of the slowest, GHz; all are busy for a while.
  [[nodiscard]] double work(double share) const {
    const double load = std::min(1.0, share);
    double slowest = 10;
    for (const part& p : parts)
      p.machine.use([&](test::stand_in_machine::all& g, double now_s) {
        for (std::size_t i : p.gpus) {
          g[i].load = load;
          g[i].busy_until_s = now_s + 1;
          slowest = std::min(slowest, g[i].clock_ghz(now_s));
        }
        return 0;
      });
    return slowest;
  }
  void rest() const {
    for (const part& p : parts)
      p.machine.use([&](test::stand_in_machine::all& g, double now_s) {
        for (std::size_t i : p.gpus) g[i].busy_until_s = now_s;
        return 0;
      });
  }
};

/// Whole or as it was, also after a power cut.
void save(const std::string& file, const std::string& text) {
  const std::string beside = file + ".part";
  const int f = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool good = f >= 0 &&
                    ::write(f, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::fsync(f) == 0 && ::close(f) == 0;
  if (!good || std::rename(beside.c_str(), file.c_str()) != 0) std::exit(4);
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto at = word.find('=');
    if (at == word.npos) return 2;
    s.all[word.substr(0, at)] = word.substr(at + 1);
  }
  struct sigaction act {};
  act.sa_handler = hear;
  ::sigaction(SIGUSR1, &act, nullptr);

  const std::string dir = s.text("dir", "."), report = dir + "/report", kept = dir + "/checkpoint";
  ::mkdir(dir.c_str(), 0755);
  const auto samples = static_cast<std::uint64_t>(s.number("samples", 1000));
  const char* const count = std::getenv("SLURM_RESTART_COUNT");
  const int restart = count ? std::atoi(count) : 0;
  const team mine{s.text("ranks", ""), s.text("gpus_in", ".")};
  if (mine.gpus == 0) return 2;
  model::powerflow_throughput time =
      model::catalogue{}.model(s.text("model", "resnet50"), "a100").time;
  const double compute = s.number("compute", 1), sync = s.number("sync", 1);
  for (double* v : {&time.a0_s, &time.a1_s_ghz, &time.b0_s, &time.b1_s_ghz}) *v *= compute;
  for (double* v : {&time.alpha_r_s, &time.beta_r_s, &time.zeta_r_s, &time.lambda_r_s,
                    &time.alpha_n_s, &time.beta_n_s, &time.zeta_n_s, &time.lambda_n_s})
    *v *= sync;
  model::configuration at{.gpus = mine.gpus, .servers = static_cast<int>(mine.parts.size())};
  at.local_batch = s.number("batch", 256) / mine.gpus;
  at.clock_ghz = test::stand_in_gpu::top_ghz;

  test::training all = test::training::read(kept).value_or(test::training{});
  std::uint64_t safe = all.done;
  std::ofstream lines(report, std::ios::app);
  const auto say = [&](const char* what) {
    char line[96];
    std::snprintf(line, sizeof line, "%.3f %llu%s\n", test::wall_s(),
                  static_cast<unsigned long long>(all.done), what);
    lines << line << std::flush;
  };
  const auto checkpoint = [&] {
    all.ledger.push_back({restart, mine.gpus, safe, all.done});
    save(kept, all.text());
    safe = all.done;
    say(" checkpoint");
  };

  double before_s = test::wall_s(), reported_s = before_s, saved_s = before_s, owed = 0;
  say("");
  while (all.done < samples) {
    const model::step_time t = time(at);
    constexpr double while_waiting = 0.3;  // as model::job_model has it
    at.clock_ghz = mine.work((t.compute_s + while_waiting * t.sync_s) / t.total_s);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const double now_s = test::wall_s();
    owed += (now_s - before_s) * s.number("scale", 1) * model::throughput(time, at);
    before_s = now_s;
    for (; owed >= 1 && all.done < samples; owed -= 1) all.step();
    if (told && s.number("deaf", 0) == 0) {
      told = 0;
      checkpoint();
      saved_s = now_s;
    }
    if (now_s - saved_s >= s.number("save_s", 10)) {
      checkpoint();
      saved_s = now_s;
    }
    if (now_s - reported_s >= s.number("report_s", 1)) {
      say("");
      reported_s = now_s;
    }
  }
  checkpoint();
  mine.rest();
  return 0;
}
