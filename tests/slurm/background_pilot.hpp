// A pilot at work beside a test.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace heddle::test {

/// heddle-slurm-pilot in the background, and what it writes down.
class background_pilot {
 public:
  explicit background_pilot(std::vector<std::string> words) {
    words.insert(words.begin(), std::string(HEDDLE_BIN_DIR) + "/heddle-slurm-pilot");
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      std::vector<char*> argv;
      for (std::string& w : words) argv.push_back(w.data());
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  background_pilot(const background_pilot&) = delete;
  background_pilot& operator=(const background_pilot&) = delete;
  ~background_pilot() { (void)end(SIGKILL); }

  /// Its exit status, or −1 if the signal ended it.
  int end(int signal) {
    if (pid_ <= 0) return -1;
    ::kill(pid_, signal);
    int code = 0;
    ::waitpid(pid_, &code, 0);
    pid_ = -1;
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
  }

 private:
  pid_t pid_ = -1;
};

/// Waits for something to become true; not longer than `limit_s`.
template <class F>
bool wait_for(double limit_s, F&& f) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit_s);
  while (!f()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return true;
}

inline std::vector<nlohmann::json> lines_of(const std::string& file) {
  std::vector<nlohmann::json> out;
  std::istringstream in(content_of(file));
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

}  // namespace heddle::test
