// An InfiniBand network that is not there: ibsim and opensm of this test's own, over unix sockets.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

#include "support/run.hpp"

namespace heddle::test {

/// Runs ibsim on a network, and OpenSM and the tools of infiniband-diags on that. All it started is ended
/// by its pid.
class ib_simulator {
 public:
  /// What is missing to do that; empty: nothing.
  static std::string missing() {
    for (const char* tool : {"ibsim", "opensm", "ibnetdiscover", "ibtracert", "dump_fts"})
      if (path_of(tool).empty()) return std::string(tool) + " (scripts/setup.sh fabric)";
    return preload().empty() ? "libumad2sim (scripts/setup.sh fabric)" : "";
  }

  ib_simulator(const scratch_dir& dir, const std::string& net, const std::string& host)
      : dir_(dir), host_(host) {
    dir.write("net", net);
    environment_ = "cd " + dir.path().string() +
                   " && IBSIM_SOCKNAME=" + dir.path().filename().string() + " SIM_HOST='" + host +
                   "' OSM_TMP_DIR=$PWD/ " + "OSM_CACHE_DIR=$PWD/ LD_PRELOAD=" + preload() +
                   " exec ";
    int console[2];
    if (::pipe2(console, O_CLOEXEC) != 0) return;
    console_ = console[1];
    ibsim_ =
        start("cd " + dir.path().string() + " && IBSIM_SOCKNAME=" + dir.path().filename().string() +
                  " exec " + path_of("ibsim") + " -N 8192 -S 1024 -P 65536 -s net > ibsim.log 2>&1",
              console[0]);
    ::close(console[0]);
  }
  ib_simulator(const ib_simulator&) = delete;
  ib_simulator& operator=(const ib_simulator&) = delete;
  ~ib_simulator() {
    end(opensm_);
    end(ibsim_);
    if (console_ >= 0) ::close(console_);
  }

  /// Brings the network up and says whether that worked; OpenSM's own tables are in `opensm-lfts.dump`.
  [[nodiscard]] bool bring_up(const std::string& options) {
    for (int i = 0; i < 50; ++i) {  // until ibsim listens
      if (tool("opensm", "-o " + options +
                             " -f $PWD/once.log --dump_files_dir $PWD -D 0x43 > once.out 2>&1") ==
              0 &&
          std::filesystem::exists(dir_ / "opensm-lfts.dump"))
        return true;
      pause();
    }
    return false;
  }
  /// What ibnetdiscover finds, as soon as ibsim listens; it needs no OpenSM for that.
  [[nodiscard]] std::string first_discovery() {
    std::string found;
    for (int i = 0; i < 50 && found.empty(); ++i) {
      pause();
      found = discover();
    }
    return found;
  }
  /// OpenSM that stays, with tables from a file.
  void stay(const std::string& tables, const std::string& options = "") {
    opensm_ = start(staying(tables, options), -1);
  }
  /// Whether it ended by itself. OpenSM 3.3.23 may when cables are lost while it sweeps (`SIGSEGV` in the library's
  /// memory, seen in the kernel's log).
  [[nodiscard]] bool opensm_has_ended() {
    if (opensm_ > 0 && ::waitpid(opensm_, nullptr, WNOHANG) == opensm_) opensm_ = 0;
    return opensm_ == 0;
  }
  /// A line for the shell that starts OpenSM as `stay` does, and writes its number to a file; `adopt` it then.
  [[nodiscard]] std::string start_line(const std::string& tables,
                                       const std::string& pid_file) const {
    return "{ trap '' HUP; " + staying(tables, "") + "; } & echo $! > " + pid_file;
  }
  void adopt(pid_t opensm) { opensm_ = opensm; }
  /// OpenSM's process number, and what programs need in their environment to meet this network.
  [[nodiscard]] pid_t opensm() const { return opensm_; }
  [[nodiscard]] std::vector<std::string> environment() const {
    const std::string here = dir_.path().string() + "/";
    return {"IBSIM_SOCKNAME=" + dir_.path().filename().string(), "SIM_HOST=" + host_,
            "OSM_TMP_DIR=" + here, "OSM_CACHE_DIR=" + here, "LD_PRELOAD=" + preload()};
  }
  void reload() const { ::kill(opensm_, SIGHUP); }
  void kill_opensm() { end(opensm_); }
  [[nodiscard]] std::string discover() {
    (void)tool("ibnetdiscover", "> discovered.txt 2> /dev/null");
    return content_of(dir_ / "discovered.txt");
  }
  /// The tables as they are on the switches.
  [[nodiscard]] std::string read_back() {
    (void)tool("dump_fts", "> fts.txt 2> /dev/null");
    return content_of(dir_ / "fts.txt");
  }
  [[nodiscard]] std::string trace(std::uint32_t from, std::uint32_t to) {
    (void)tool("ibtracert", std::to_string(from) + " " + std::to_string(to) + " > trace.txt 2>&1");
    return content_of(dir_ / "trace.txt");
  }
  /// A line on ibsim's console: `Unlink "leaf0"[7]`.
  void say(const std::string& line) const {
    const std::string text = line + "\n";
    if (::write(console_, text.data(), text.size()) < 0) std::abort();
  }
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }

 private:
  static std::string path_of(const std::string& tool) {
    for (const char* in : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"})
      if (::access((in + tool).c_str(), X_OK) == 0) return in + tool;
    return {};
  }
  static std::string preload() {
    for (const char* in :
         {"/usr/lib/x86_64-linux-gnu/umad2sim/libumad2sim.so",
          "/usr/lib/aarch64-linux-gnu/umad2sim/libumad2sim.so", "/usr/lib/umad2sim/libumad2sim.so",
          "/usr/lib64/umad2sim/libumad2sim.so"})
      if (std::filesystem::exists(in)) return in;
    return {};
  }
  int tool(const std::string& name, const std::string& arguments) const {
    return std::system((environment_ + path_of(name) + " " + arguments).c_str());
  }
  [[nodiscard]] std::string staying(const std::string& tables, const std::string& options) const {
    return environment_ + path_of("opensm") + " -s 0 " + options + " -R file -U $PWD/" + tables +
           " -f $PWD/stay.log -D 0x43 > stay.out 2>&1";
  }
  static pid_t start(const std::string& command, int input) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::signal(SIGHUP, SIG_IGN);  // until OpenSM listens to it: it reads the file then anyway
      ::dup2(input >= 0 ? input : ::open("/dev/null", O_RDONLY), 0);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    return pid;
  }
  static void end(pid_t& pid) {
    if (pid <= 0) return;
    ::kill(pid, SIGTERM);
    for (int i = 0; i < 60; ++i) {
      if (::waitpid(pid, nullptr, WNOHANG) == pid || ::kill(pid, 0) != 0) {
        pid = 0;
        return;
      }
      pause();
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    pid = 0;
  }

  const scratch_dir& dir_;
  std::string host_, environment_;
  int console_ = -1;
  pid_t ibsim_ = 0, opensm_ = 0;
};

/// A network as ibsim reads it: servers `node0000 mlx5_0`… with a card for each GPU and a port in each plane,
/// `leaf000`…, `spine000`…, `core000`… by number, a cable for each link.
inline std::string ibsim_network(const fabric::leaf_spine& dc) {
  const auto named = [](const char* kind, std::uint32_t n, std::size_t digits) {
    std::string number = std::to_string(n);
    if (number.size() < digits) number.insert(0, digits - number.size(), '0');
    return kind + number;
  };
  struct node {
    const char* kind;
    std::string name;
    std::vector<std::string> lines = {};
  };
  const auto join = [](node& a, node& b) {
    const std::string at_a = std::to_string(a.lines.size() + 1),
                      at_b = std::to_string(b.lines.size() + 1);
    a.lines.push_back("[" + at_a + "]\t\"" + b.name + "\"[" + at_b + "]\n");
    b.lines.push_back("[" + at_b + "]\t\"" + a.name + "\"[" + at_a + "]\n");
  };
  std::vector<node> leafs, spines, cores, cards;
  for (leaf_id l : dc.all_leafs()) leafs.push_back({"Switch", named("leaf", l.value, 3)});
  for (spine_id s : dc.all_spines()) spines.push_back({"Switch", named("spine", s.value, 3)});
  for (core_id c : dc.all_cores()) cores.push_back({"Switch", named("core", c.value, 3)});
  for (gpu_id g : dc.all_gpus()) {
    cards.push_back({"Hca", named("node", dc.server_of(g).value, 4) + " mlx5_" +
                                std::to_string(dc.hosts().index_in_server(g))});
    for (int plane = 0; plane < dc.planes(); ++plane)
      join(leafs[dc.hosts().unit_of(g).index() * static_cast<std::size_t>(dc.leafs_per_unit()) +
                 static_cast<std::size_t>(dc.rail_of(g) * dc.planes() + plane)],
           cards.back());
  }
  for (leaf_id l : dc.all_leafs())
    for (spine_id s : dc.all_spines())
      for (int k = 0; k < dc.links(l, s); ++k) join(leafs[l.index()], spines[s.index()]);
  for (spine_id s : dc.all_spines())
    for (core_id c : dc.all_cores())
      for (int k = 0; k < dc.core_links().between(s.index(), c.index()); ++k)
        join(spines[s.index()], cores[c.index()]);
  std::string out;
  for (const auto* all : {&leafs, &spines, &cores, &cards})
    for (const node& n : *all) {
      out += std::string(n.kind) + "\t" + std::to_string(n.lines.size()) + " \"" + n.name + "\"\n";
      for (const std::string& line : n.lines) out += line;
      out += "\n";
    }
  return out;
}

/// A network for ibsim: hosts n000, n001, … of one card under leafs, a link from each leaf to each spine.
inline std::string ibsim_leafs_and_spines(int leafs, int hosts, int spines) {
  const auto two = [](const char* name, int n) {
    return name + std::string(n < 10 ? "0" : "") + std::to_string(n);
  };
  const auto host = [](int n) {
    const std::string digits = std::to_string(n);
    return "n" + std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
  };
  std::string out;
  const auto end = [](int port, const std::string& to, int far) {
    return "[" + std::to_string(port) + "]\t\"" + to + "\"[" + std::to_string(far) + "]\n";
  };
  for (int l = 0; l < leafs; ++l) {
    out += "Switch\t36 \"" + two("leaf", l) + "\"\n";
    for (int h = 0; h < hosts; ++h) out += end(h + 1, host(l * hosts + h), 1);
    for (int s = 0; s < spines; ++s) out += end(hosts + 1 + s, two("spine", s), l + 1);
    out += "\n";
  }
  for (int s = 0; s < spines; ++s) {
    out += "Switch\t36 \"" + two("spine", s) + "\"\n";
    for (int l = 0; l < leafs; ++l) out += end(l + 1, two("leaf", l), hosts + 1 + s);
    out += "\n";
  }
  for (int h = 0; h < leafs * hosts; ++h)
    out += "Hca\t1 \"" + host(h) + "\"\n" + end(1, two("leaf", h / hosts), h % hosts + 1) + "\n";
  return out;
}

/// Units of servers of 8 cards in 8 rails, card k on leaf k of its unit; two links from each leaf to each spine.
inline std::string ibsim_units(int units, int servers, int spines) {
  const auto padded = [](int n, std::size_t digits) {
    const std::string text = std::to_string(n);
    return std::string(digits - std::min(digits, text.size()), '0') + text;
  };
  const auto leaf = [](int u, int rail) {
    return "su" + std::to_string(u) + "-rail" + std::to_string(rail);
  };
  const auto card = [&](int server, int rail) {
    return "dgx" + padded(server, 3) + " mlx5_" + std::to_string(rail);
  };
  const auto end = [](int port, const std::string& to, int far) {
    return "[" + std::to_string(port) + "]\t\"" + to + "\"[" + std::to_string(far) + "]\n";
  };
  std::string out;
  for (int l = 0; l < units * 8; ++l) {
    out += "Switch\t64 \"" + leaf(l / 8, l % 8) + "\"\n";
    for (int n = 0; n < servers; ++n) out += end(n + 1, card(l / 8 * servers + n, l % 8), 1);
    for (int k = 0; k < 2 * spines; ++k)
      out += end(servers + 1 + k, "spine" + padded(k / 2, 2), 2 * l + k % 2 + 1);
    out += "\n";
  }
  for (int s = 0; s < spines; ++s) {
    out += "Switch\t64 \"spine" + padded(s, 2) + "\"\n";
    for (int k = 0; k < 16 * units; ++k)
      out += end(k + 1, leaf(k / 16, k / 2 % 8), servers + 1 + 2 * s + k % 2);
    out += "\n";
  }
  for (int n = 0; n < units * servers; ++n)
    for (int r = 0; r < 8; ++r)
      out +=
          "Hca\t1 \"" + card(n, r) + "\"\n" + end(1, leaf(n / servers, r), n % servers + 1) + "\n";
  return out;
}

}  // namespace heddle::test
