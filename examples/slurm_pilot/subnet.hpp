// An InfiniBand network and its subnet manager, as the pilot's driver of forwarding tables sees them.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
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
  n.reload();    // the manager is told to read the file
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
  opensm_subnet(std::string tables, std::string pid_file, std::vector<std::string> environment = {})
      : tables_(std::move(tables)), pid_file_(std::move(pid_file)),
        environment_(std::move(environment)) {}

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
  void reload() const {
    if (::kill(pid(), SIGHUP) != 0) fail("OpenSM");
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
  [[nodiscard]] pid_t pid() const {
    std::ifstream in(pid_file_);
    std::string text = pid_file_;
    if (in) std::getline(in, text);
    const auto n = number_in<int>(trimmed(text));
    if (!n || *n <= 1)
      throw examples::unmet_request(pid_file_ + ": no process number of OpenSM there");
    return *n;
  }

  std::string tables_, pid_file_;
  std::vector<std::string> environment_;
};

}  // namespace heddle::pilot
