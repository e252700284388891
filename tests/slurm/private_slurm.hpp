// A Slurm of a test's own (private_slurm.sh).
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "slurm_pilot/process.hpp"
#include "support/run.hpp"

namespace heddle::test {

/// What a command prints that must not fail.
inline std::string must(const std::vector<std::string>& words) {
  const pilot::process_result r = pilot::run_process(words, 60);
  REQUIRE_MESSAGE(r.status == 0, (words[0] + ": " + r.err));
  return r.out;
}

/// A private Slurm for the time of a test. If the test is killed, its watchdog stops it.
class private_slurm {
 public:
  /// \param size  options of `start`
  explicit private_slurm(const scratch_dir& dir, const std::vector<std::string>& size = {})
      : dir_(dir / "slurm") {
    std::filesystem::create_directory(dir_);
    std::vector<std::string> words{"start", dir_, "--watch", std::to_string(::getpid())};
    words.insert(words.end(), size.begin(), size.end());
    const pilot::process_result r = script(std::move(words));
    if (r.status == 0) {
      ::setenv("SLURM_CONF", (dir_ + "/slurm.conf").c_str(), 1);
      up_ = true;
    } else {
      why_ = r.err.substr(0, r.err.find('\n'));
      REQUIRE_MESSAGE(r.status == 3, r.err);
    }
  }
  private_slurm(const private_slurm&) = delete;
  private_slurm& operator=(const private_slurm&) = delete;
  ~private_slurm() {
    ::unsetenv("SLURM_CONF");
    if (up_) (void)script({"stop", dir_});
  }

  [[nodiscard]] bool is_up() const { return up_; }
  [[nodiscard]] const std::string& why_not() const { return why_; }
  void kill_node(const std::string& name) { (void)script({"kill", dir_, name}); }
  void start_node(const std::string& name) { (void)script({"node", dir_, name}); }

 private:
  static pilot::process_result script(std::vector<std::string> words) {
    words.insert(words.begin(), HEDDLE_PRIVATE_SLURM);
    return pilot::run_process(words, 60);
  }
  std::string dir_, why_;
  bool up_ = false;
};

}  // namespace heddle::test
