// GPUs that are not there: numbers in a file that several processes share, one for each machine. Their power
// follows their clock and what runs on them; who computes on them says so (trainer.cpp).
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <heddle/model/gpu_type.hpp>

namespace heddle::test {

inline double wall_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// One GPU of the catalogue's type a100: 60 W at rest, 400 W under full load at 1.41 GHz.
struct stand_in_gpu {
  static constexpr double top_ghz = 1.41, least_w = 100, most_w = 400;

  std::int32_t locked_mhz = 0;  ///< 0: none
  double limit_w = most_w;
  double load = 0;          ///< 0 to 1, until busy_until_s
  double busy_until_s = 0;  ///< whoever computes and dies is at rest soon
  double energy_j = 0;      ///< until at_s
  double at_s = 0;

  [[nodiscard]] double load_at(double now_s) const { return now_s < busy_until_s ? load : 0; }
  /// The clock: the locked one, or lower ones as far as the limit has it.
  [[nodiscard]] double clock_ghz(double now_s) const {
    double f = locked_mhz > 0 ? std::min(top_ghz, locked_mhz / 1000.0) : top_ghz;
    while (f > 0.21 && watts(f, load_at(now_s)) > limit_w) f -= 0.015;
    return f;
  }
  [[nodiscard]] double power_w(double now_s) const {
    return watts(clock_ghz(now_s), load_at(now_s));
  }
  void advance(double now_s) {
    if (at_s == 0) at_s = now_s;
    const double turn_s = std::clamp(busy_until_s, at_s, std::max(at_s, now_s));
    energy_j += (turn_s - at_s) * power_w(at_s);
    energy_j += std::max(0.0, now_s - turn_s) * watts(top_ghz, 0);
    at_s = std::max(at_s, now_s);
  }

 private:
  static double watts(double f, double load) {
    static const model::ridge_power power = model::scaled_ridge(60, 400, top_ghz);
    return power(f, load);
  }
};

/// The GPUs of one machine, `directory/<machine>.gpus`. Each use locks the file.
class stand_in_machine {
 public:
  static constexpr std::size_t most = 16;
  using all = std::array<stand_in_gpu, most>;

  stand_in_machine(const std::string& directory, const std::string& machine) {
    file_ =
        ::open((directory + "/" + machine + ".gpus").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) throw std::runtime_error(directory + "/" + machine + ".gpus");
  }
  stand_in_machine(const stand_in_machine&) = delete;
  stand_in_machine& operator=(const stand_in_machine&) = delete;
  stand_in_machine(stand_in_machine&& other) noexcept : file_(other.file_) { other.file_ = -1; }
  ~stand_in_machine() {
    if (file_ >= 0) ::close(file_);
  }

  /// Calls `f(GPUs, now_s)` with their energy brought up to now, and keeps what it changes.
  template <class F>
  auto use(F&& f) const {
    while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
    struct unlock {
      int file;
      ~unlock() { ::flock(file, LOCK_UN); }
    } const at_end{file_};
    all gpus{};
    if (::pread(file_, &gpus, sizeof gpus, 0) != sizeof gpus) gpus = all{};
    const double now_s = wall_s();
    for (stand_in_gpu& g : gpus) g.advance(now_s);
    struct keep {
      int file;
      const all& gpus;
      ~keep() { (void)!::pwrite(file, &gpus, sizeof gpus, 0); }
    } const before_that{file_, gpus};
    return f(gpus, now_s);
  }

 private:
  int file_ = -1;
};

}  // namespace heddle::test
