// NVIDIA's management library, found when the program runs: the few functions that are needed, declared here.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "common/program.hpp"

namespace heddle::gpu {

/// There is no NVML on this machine, or none that works.
struct no_nvml : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A call that NVML did not carry out.
struct nvml_refusal : examples::unmet_request {
  nvml_refusal(const std::string& what, int why) : examples::unmet_request(what), code(why) {}
  int code;
};

/// The codes that are told apart (NVML API reference, nvmlReturn_t).
enum nvml_code : int { nvml_success = 0, nvml_not_supported = 3, nvml_no_permission = 4 };

/// Power limits of a GPU, in W.
struct power_limits {
  double least_w = 0, most_w = 0, now_w = 0, usual_w = 0;
};

/// NVML as far as it is needed. What a GPU does not tell is nothing; what it does not take throws.
/// One writer.
class nvml {
 public:
  using device = void*;

  /// \param library  as for dlopen(3)
  /// \throws no_nvml  if it cannot be loaded, lacks a function, or does not start
  explicit nvml(const std::string& library) {
    handle_ = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle_) throw no_nvml(reason());
    try {
      load();
    } catch (...) {
      ::dlclose(handle_);
      throw;
    }
  }
  nvml(const nvml&) = delete;
  nvml& operator=(const nvml&) = delete;
  ~nvml() {
    shutdown_();
    ::dlclose(handle_);
  }

  [[nodiscard]] int count() {
    unsigned n = 0;
    must(count_(&n), "its GPUs");
    return static_cast<int>(n);
  }
  [[nodiscard]] device at(int index) {
    device d = nullptr;
    must(at_(static_cast<unsigned>(index), &d), "GPU " + std::to_string(index));
    return d;
  }
  [[nodiscard]] std::string name(device d) { return text_of(name_, d, "the name of a GPU"); }
  [[nodiscard]] std::string uuid(device d) { return text_of(uuid_, d, "the UUID of a GPU"); }

  [[nodiscard]] std::optional<double> power_w(device d) {
    unsigned mw = 0;
    return power_(d, &mw) == nvml_success ? std::optional(mw / 1000.0) : std::nullopt;
  }
  /// Since the driver was loaded.
  [[nodiscard]] std::optional<double> energy_j(device d) {
    unsigned long long mj = 0;
    return energy_ && energy_(d, &mj) == nvml_success
               ? std::optional(static_cast<double>(mj) / 1000)
               : std::nullopt;
  }
  /// Of the cores.
  [[nodiscard]] std::optional<int> clock_mhz(device d) {
    constexpr int of_cores = 1;  // NVML_CLOCK_SM
    unsigned mhz = 0;
    return clock_(d, of_cores, &mhz) == nvml_success ? std::optional(static_cast<int>(mhz))
                                                     : std::nullopt;
  }
  /// Share of the last moments in which something ran, 0 to 1.
  [[nodiscard]] std::optional<double> utilization(device d) {
    rates r{};
    return rates_(d, &r) == nvml_success ? std::optional(r.gpu / 100.0) : std::nullopt;
  }

  /// \throws nvml_refusal
  void lock_clock(device d, int mhz) {
    const auto f = static_cast<unsigned>(mhz);
    must(lock_ ? lock_(d, f, f) : nvml_not_supported, "a locked clock");
  }
  void unlock_clock(device d) {
    must(unlock_ ? unlock_(d) : nvml_not_supported, "clocks without a lock");
  }
  [[nodiscard]] power_limits limits(device d) {
    unsigned least = 0, most = 0, now = 0, usual = 0;
    must(limits_(d, &least, &most), "its power limits");
    must(limit_(d, &now), "its power limit");
    must(usual_limit_(d, &usual), "its usual power limit");
    return {least / 1000.0, most / 1000.0, now / 1000.0, usual / 1000.0};
  }
  void cap(device d, double power_w) {
    must(cap_(d, static_cast<unsigned>(power_w * 1000 + 0.5)), "a power limit");
  }

 private:
  struct rates {
    unsigned gpu, memory;
  };

  static std::string reason() {
    const char* const why = ::dlerror();
    return why ? why : "it cannot be loaded";
  }
  template <class F>
  void find(F*& f, const char* name, bool needed = true) {
    f = reinterpret_cast<F*>(::dlsym(handle_, name));
    if (!f && needed) throw no_nvml(std::string("it has no ") + name);
  }
  void load() {
    int (*init)() = nullptr;
    find(init, "nvmlInit_v2");
    find(shutdown_, "nvmlShutdown");
    find(error_, "nvmlErrorString");
    find(count_, "nvmlDeviceGetCount_v2");
    find(at_, "nvmlDeviceGetHandleByIndex_v2");
    find(name_, "nvmlDeviceGetName");
    find(uuid_, "nvmlDeviceGetUUID");
    find(power_, "nvmlDeviceGetPowerUsage");
    find(clock_, "nvmlDeviceGetClockInfo");
    find(rates_, "nvmlDeviceGetUtilizationRates");
    find(limits_, "nvmlDeviceGetPowerManagementLimitConstraints");
    find(limit_, "nvmlDeviceGetPowerManagementLimit");
    find(usual_limit_, "nvmlDeviceGetPowerManagementDefaultLimit");
    find(cap_, "nvmlDeviceSetPowerManagementLimit");
    find(energy_, "nvmlDeviceGetTotalEnergyConsumption", false);
    find(lock_, "nvmlDeviceSetGpuLockedClocks", false);
    find(unlock_, "nvmlDeviceResetGpuLockedClocks", false);
    if (const int code = init(); code != nvml_success)
      throw no_nvml(std::string("it does not start: ") + error_(code));
  }
  void must(int code, const std::string& what) const {
    if (code != nvml_success)
      throw nvml_refusal("NVML gives no " + what + ": " + error_(code), code);
  }
  std::string text_of(int (*f)(device, char*, unsigned), device d, const char* what) {
    char text[96] = {};
    must(f(d, text, sizeof text - 1), what);
    return text;
  }

  void* handle_ = nullptr;
  int (*shutdown_)() = nullptr;
  const char* (*error_)(int) = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*at_)(unsigned, device*) = nullptr;
  int (*name_)(device, char*, unsigned) = nullptr;
  int (*uuid_)(device, char*, unsigned) = nullptr;
  int (*power_)(device, unsigned*) = nullptr;
  int (*energy_)(device, unsigned long long*) = nullptr;
  int (*clock_)(device, int, unsigned*) = nullptr;
  int (*rates_)(device, rates*) = nullptr;
  int (*lock_)(device, unsigned, unsigned) = nullptr;
  int (*unlock_)(device) = nullptr;
  int (*limits_)(device, unsigned*, unsigned*) = nullptr;
  int (*limit_)(device, unsigned*) = nullptr;
  int (*usual_limit_)(device, unsigned*) = nullptr;
  int (*cap_)(device, unsigned) = nullptr;
};

}  // namespace heddle::gpu
