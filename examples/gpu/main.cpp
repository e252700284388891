// heddle-gpu: sets and measures the GPUs of the machine that it runs on. docs/howto/live.md says how.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/program.hpp"
#include "gpu/clocks.hpp"
#include "gpu/leases.hpp"
#include "gpu/nvml.hpp"
#include "gpu/settings.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

constexpr int without_nvml = 3;  ///< exit status

struct arguments {
  std::string library = "libnvidia-ml.so.1", state = "/run/heddle-gpu", clocks, host, out = "-";
  gpu::tenure tenure;
  std::vector<int> gpus;
  int clock_mhz = 0;
  double interval_s = 1;
  long count = 0;
  bool hold = false, all = false, expired = false, watch = false;
  std::string job;
  CLI::App *apply = nullptr, *measure = nullptr, *reset = nullptr, *list = nullptr;
};

std::string this_host() {
  if (const char* const node = std::getenv("SLURMD_NODENAME")) return node;
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  const std::string all = name;
  return all.substr(0, all.find('.'));
}

void add_options(CLI::App& app, arguments& a) {
  app.footer("Exit status 3: there is no NVML here. docs/howto/live.md tells more.");
  app.add_option("--nvml", a.library, "the library")->envname("HEDDLE_NVML")->capture_default_str();
  app.add_option("--state", a.state, "directory of the leases, of one's own")
      ->capture_default_str();
  app.require_subcommand(1);

  a.apply = app.add_subcommand("apply", "lock clocks, until a lease runs out");
  auto* file = a.apply->add_option("--clocks", a.clocks,
                                   "clocks.csv that heddle-slurm-pilot wrote: rows of this host");
  a.apply->add_option("--host", a.host, "its name there (else: SLURMD_NODENAME, the host's)");
  auto* some = a.apply->add_option("--gpu", a.gpus, "numbers of GPUs, with --clock-mhz")
                   ->delimiter(',')
                   ->excludes(file);
  a.apply->add_option("--clock-mhz", a.clock_mhz, "for each of --gpu")->needs(some);
  a.apply->add_option("--job", a.tenure.job, "for whom: reset --job takes it back")
      ->capture_default_str();
  a.apply->add_option("--lease", a.tenure.lease_s, "seconds until it may be reset, if not renewed")
      ->check(CLI::Range(0.0, 31536000.0))
      ->capture_default_str();
  a.apply->add_flag("--hold", a.hold, "stay, renew the lease, and reset when ended");

  a.measure = app.add_subcommand("measure", "power, energy, clock and utilisation as CSV");
  a.measure->add_option("--gpu", a.gpus, "numbers of GPUs (else: all)")->delimiter(',');
  a.measure->add_option("--interval", a.interval_s, "seconds between two rows of a GPU")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  a.measure->add_option("--count", a.count, "rows of each GPU; 0: until ended")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  a.measure->add_option("--out", a.out, "file")->capture_default_str();

  a.reset = app.add_subcommand("reset", "take back what heddle-gpu has set, and nothing else");
  auto* whose = a.reset->add_option_group("whose");
  whose->add_option("--job", a.job, "what was set for this one");
  whose->add_option("--gpu", a.gpus, "what was set on these")->delimiter(',');
  whose->add_flag("--all", a.all, "everything");
  whose->add_flag("--expired", a.expired, "leases that have run out");
  whose->add_flag("--watch", a.watch, "those, again and again");
  whose->require_option(1);
  a.reset->add_option("--interval", a.interval_s, "seconds between two looks of --watch")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();

  a.list = app.add_subcommand("list", "the GPUs, and what is set on them");
}

volatile sig_atomic_t stop_asked = 0;
extern "C" void ask_to_stop(int) { stop_asked = 1; }

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void pause_for(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  timespec left{whole, static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  if (!stop_asked) ::nanosleep(&left, nullptr);
}

void say(const std::vector<gpu::gpu_note>& notes) {
  for (const gpu::gpu_note& n : notes)
    std::cerr << program_name() << ": "
              << (n.gpu >= 0 ? "GPU " + std::to_string(n.gpu) + ": " : std::string{}) << n.text
              << std::endl;
}

bool runs_out(const gpu::lease& l, int) { return l.expired(now_s()); }

int apply(const arguments& a, gpu::nvml& lib) {
  gpu::clock_table wanted;
  if (!gpu::is_plain_word(a.tenure.job))
    throw input_error("--job", "a word of letters, digits, -, _ and .", shown(a.tenure.job));
  if (!a.clocks.empty())
    wanted = gpu::read_clocks(a.clocks, a.host.empty() ? this_host() : a.host);
  else if (a.gpus.empty() || a.clock_mhz == 0)
    throw input_error("apply", "--clocks, or --gpu and --clock-mhz", "neither");
  for (int g : a.gpus) gpu::detail::add(wanted, g, a.clock_mhz, "--gpu, --clock-mhz");
  {
    gpu::leases book{a.state};
    const auto notes = gpu::apply(lib, book, wanted, a.tenure, now_s());
    say(notes);
  }
  if (!a.hold) return done;
  while (!stop_asked) {
    pause_for(std::max(0.1, a.tenure.lease_s / 3));
    if (stop_asked) break;
    gpu::leases book{a.state};
    (void)gpu::apply(lib, book, wanted, a.tenure, now_s());
  }
  gpu::leases book{a.state};
  say(gpu::reset(lib, book, [&](const gpu::lease& l, int i) {
    return l.job == a.tenure.job && wanted.contains(i);
  }));
  return done;
}

int reset(const arguments& a, gpu::nvml& lib) {
  const std::set<int> gpus(a.gpus.begin(), a.gpus.end());
  do {
    gpu::leases book{a.state};
    say(gpu::reset(lib, book, [&](const gpu::lease& l, int i) {
      if (a.all) return true;
      if (a.expired || a.watch) return runs_out(l, i);
      return a.job.empty() ? gpus.contains(i) : !l.is_broken && l.job == a.job;
    }));
  } while (a.watch && (pause_for(a.interval_s), !stop_asked));
  return done;
}

int measure(const arguments& a, gpu::nvml& lib) {
  std::ofstream file;
  if (a.out != "-") {
    file.open(a.out, std::ios::binary | std::ios::app);
    if (!file) throw unmet_request(a.out + ": cannot be written");
  }
  std::ostream& out = a.out == "-" ? std::cout : file;
  std::vector<int> gpus = a.gpus;
  const int count = lib.count();
  if (gpus.empty())
    for (int i = 0; i < count; ++i) gpus.push_back(i);
  struct meter {
    int gpu;
    gpu::nvml::device device;
    double before_s = 0, before_w = 0, energy_j = 0;
    std::optional<double> first_j{};
  };
  std::vector<meter> all;
  for (int g : gpus) {
    if (g < 0 || g >= count)
      throw input_error("--gpu", "GPUs of the " + std::to_string(count) + " of this machine",
                        std::to_string(g));
    all.push_back({g, lib.at(g)});
  }
  out << "time_s,gpu,power_w,energy_j,clock_mhz,utilization\n";
  for (long n = 0; !stop_asked && (a.count == 0 || n < a.count); ++n) {
    if (n > 0) pause_for(a.interval_s);
    if (stop_asked) break;
    for (meter& m : all) {
      const double t = now_s();
      const auto power = lib.power_w(m.device), energy = lib.energy_j(m.device),
                 busy = lib.utilization(m.device);
      const auto clock = lib.clock_mhz(m.device);
      // Counted by the GPU where it counts, else from its power.
      if (energy) {
        if (!m.first_j) m.first_j = *energy;
        m.energy_j = *energy - *m.first_j;
      } else if (power && n > 0) {
        m.energy_j += (t - m.before_s) * (*power + m.before_w) / 2;
      }
      m.before_s = t;
      m.before_w = power.value_or(0);
      std::ostringstream row;  // one write, so that no reader sees half of it
      row << std::fixed << std::setprecision(3) << t << ',' << m.gpu << ',';
      if (power) row << *power;
      row << ',';
      if (power || energy) row << m.energy_j;
      row << ',';
      if (clock) row << *clock;
      row << ',';
      if (busy) row << std::setprecision(2) << *busy;
      row << '\n';
      out << row.str() << std::flush;
      if (!out) throw unmet_request(a.out + ": cannot be written");
    }
  }
  return done;
}

int list(const arguments& a, gpu::nvml& lib) {
  const model::catalogue known;
  gpu::leases book{a.state};
  std::cout << "gpu,name,type,job,clock_mhz,by,seconds_left\n";
  for (int i = 0; i < lib.count(); ++i) {
    const auto d = lib.at(i);
    const std::string name = lib.name(d);
    const model::gpu_type* const type = gpu::known_gpu(known, name);
    std::cout << i << ',' << name << ',' << (type ? type->name : "") << ',';
    if (const auto l = book.find(lib.uuid(d)); l && !l->is_broken)
      std::cout << l->job << ',' << l->clock_mhz << ',' << (l->by_cap ? "cap" : "clock") << ','
                << static_cast<long long>(l->expires_s - now_s()) << '\n';
    else
      std::cout << ",,,\n";
  }
  return done;
}

int run(const arguments& a) {
  struct sigaction act {};
  act.sa_handler = ask_to_stop;
  for (int s : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(s, &act, nullptr);
  try {
    gpu::nvml lib{a.library};
    if (*a.apply) return apply(a, lib);
    if (*a.reset) return reset(a, lib);
    if (*a.measure) return measure(a, lib);
    return list(a, lib);
  } catch (const gpu::no_nvml& e) {
    std::cerr << program_name() << ": there is no NVML here: " << e.what() << std::endl;
    return without_nvml;
  }
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-gpu", "Sets and measures the GPUs of this machine.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return run(a); });
}
