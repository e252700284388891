// An InfiniBand network and its subnet manager, as the pilot's driver of forwarding tables sees them.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/program.hpp"
#include "slurm_pilot/process.hpp"
#include "slurm_pilot/store.hpp"

namespace heddle::pilot {

/// T is a network whose manager loads tables from a file. What fails throws, and has done nothing or all.
/// Tests put one of their own in its place.
template <class T>
concept Subnet = requires(T& n, const std::string& text) {
  { n.discover() } -> std::convertible_to<std::string>;  // as ibnetdiscover prints it now
  {
    n.tables()
    } -> std::convertible_to<std::optional<std::string>>;  // the file; nothing: there is none
  n.keep(text);  // the file; the one before stays under its name and .old
  n.reload();    // the manager is told to read the file, or started again
  {
    n.read_back()
    } -> std::convertible_to<std::string>;  // what switches have, as dump_fts prints it
  n.wait();                                 // a moment
};

/// OpenSM of this machine, run with `-R file -U <tables>`, and the tools of infiniband-diags.
class opensm_subnet {
 public:
  /// \param tables    the file
  /// \param pid_file  has OpenSM's process number in it, or is that number
  /// \param environment  of the tools, added to this program's: `NAME=value`
  /// \param start        line for the shell that starts an OpenSM that has ended, and writes its number into
  ///                     the file; empty: somebody else does
  opensm_subnet(std::string tables, std::string pid_file, std::vector<std::string> environment = {},
                std::string start = {})
      : tables_(std::move(tables)), pid_file_(std::move(pid_file)),
        environment_(std::move(environment)), start_(std::move(start)) {}

  [[nodiscard]] std::string discover() const { return must("ibnetdiscover"); }
  [[nodiscard]] std::string read_back() const { return must("dump_fts"); }
  [[nodiscard]] std::optional<std::string> tables() const {
    std::ifstream in(tables_, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>(in), {}};
  }
  void keep(const std::string& text) const {
    const std::string beside = tables_ + ".part", old = tables_ + ".old";
    write_to_disk(beside, text);
    if (::unlink(old.c_str()) != 0 && errno != ENOENT) fail(old);
    if (::link(tables_.c_str(), old.c_str()) != 0 && errno != ENOENT) fail(old);
    if (std::rename(beside.c_str(), tables_.c_str()) != 0) fail(tables_);
  }
  /// An OpenSM that has ended is started: it reads the file by itself. OpenSM 3.3.23 may end by a fault of memory
  /// when cables are lost while it sweeps, with the tables of some switches written in part.
  void reload() const {
    const std::optional<pid_t> id = pid();
    if (id && is_running(*id)) {
      if (::kill(*id, SIGHUP) != 0) fail("OpenSM");
      return;
    }
    if (start_.empty())
      throw examples::unmet_request(id ? "OpenSM has ended, process " + std::to_string(*id) +
                                             ": start it again"
                                       : pid_file_ + ": no process number of OpenSM there");
    const process_result r = run_process({"/bin/sh", "-c", start_}, 60, environment_);
    if (r.status != 0)
      throw examples::unmet_request("OpenSM was not started: " + r.err.substr(0, r.err.find('\n')));
  }
  static void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw examples::unmet_request(what + ": " + std::strerror(errno));
  }
  [[nodiscard]] std::string must(const std::string& tool) const {
    process_result r = run_process({tool}, 300, environment_);
    if (r.status != 0)
      throw examples::unmet_request(tool + ": " + r.err.substr(0, r.err.find('\n')));
    return std::move(r.out);
  }
  [[nodiscard]] std::optional<pid_t> pid() const {
    std::ifstream in(pid_file_);
    std::string text = pid_file_;
    if (in) std::getline(in, text);
    const auto n = number_in<int>(trimmed(text));
    return n && *n > 1 ? std::optional<pid_t>{*n} : std::nullopt;
  }
  /// A process that nobody has asked for its status yet takes signals, and does nothing.
  [[nodiscard]] static bool is_running(pid_t id) {
    if (::kill(id, 0) != 0 && errno == ESRCH) return false;
    std::ifstream in("/proc/" + std::to_string(id) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t name_end = text.rfind(')');
    return name_end == std::string::npos || name_end + 2 >= text.size() ||
           (text[name_end + 2] != 'Z' && text[name_end + 2] != 'X');
  }

  std::string tables_, pid_file_;
  std::vector<std::string> environment_;
  std::string start_;
};

}  // namespace heddle::pilot
