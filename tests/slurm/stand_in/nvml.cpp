// A library in the place of NVML, with the GPUs of stand_in_gpus.hpp.
//
//   HEDDLE_STAND_IN_DIR     where their numbers are kept; without it nothing starts
//   SLURMD_NODENAME         the machine (else: here)
//   HEDDLE_STAND_IN_GPUS    how many it has (else: 8)
//   HEDDLE_STAND_IN_NAME    what they are called (else: NVIDIA A100-SXM4-40GB)
//   HEDDLE_STAND_IN_DENIES  clocks, caps, energy: what they do not take, several joined by commas
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "slurm/stand_in_gpus.hpp"

namespace {

using heddle::test::stand_in_gpu;
using heddle::test::stand_in_machine;

enum code : int {
  success = 0,
  uninitialized = 1,
  invalid = 2,
  not_supported = 3,
  no_permission = 4,
  unknown = 999
};
using device = void*;

std::optional<stand_in_machine> here;

std::string setting(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value ? value : otherwise;
}
unsigned count() {
  return static_cast<unsigned>(std::atoi(setting("HEDDLE_STAND_IN_GPUS", "8").c_str()));
}
bool denies(const std::string& what) {
  return ("," + setting("HEDDLE_STAND_IN_DENIES", "") + ",").find("," + what + ",") !=
         std::string::npos;
}
std::size_t index_of(device d) { return reinterpret_cast<std::size_t>(d) - 1; }

template <class F>
int with(device d, F&& f) {
  if (!here) return uninitialized;
  const std::size_t i = index_of(d);
  if (i >= count()) return invalid;
  return here->use(
      [&](stand_in_machine::all& gpus, double now_s) -> int { return f(gpus[i], now_s); });
}

int put(char* to, unsigned length, const std::string& text) {
  if (text.size() >= length) return invalid;
  std::memcpy(to, text.c_str(), text.size() + 1);
  return success;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  const std::string directory = setting("HEDDLE_STAND_IN_DIR", "");
  if (directory.empty()) return unknown;
  try {
    here.emplace(directory, setting("SLURMD_NODENAME", "here"));
  } catch (const std::exception&) {
    return unknown;
  }
  return success;
}
int nvmlShutdown() {
  here.reset();
  return success;
}
const char* nvmlErrorString(int c) {
  switch (c) {
  case invalid:
    return "Invalid Argument";
  case not_supported:
    return "Not Supported";
  case no_permission:
    return "Insufficient Permissions";
  default:
    return "Unknown Error";
  }
}
int nvmlDeviceGetCount_v2(unsigned* n) {
  *n = count();
  return success;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned i, device* d) {
  if (i >= count()) return invalid;
  *d = reinterpret_cast<device>(static_cast<std::size_t>(i) + 1);
  return success;
}
int nvmlDeviceGetName(device, char* to, unsigned length) {
  return put(to, length, setting("HEDDLE_STAND_IN_NAME", "NVIDIA A100-SXM4-40GB"));
}
int nvmlDeviceGetUUID(device d, char* to, unsigned length) {
  return put(to, length,
             "GPU-" + setting("SLURMD_NODENAME", "here") + "-" + std::to_string(index_of(d)));
}
int nvmlDeviceGetPowerUsage(device d, unsigned* mw) {
  return with(d, [&](const stand_in_gpu& g, double now_s) {
    *mw = static_cast<unsigned>(g.power_w(now_s) * 1000 + 0.5);
    return success;
  });
}
int nvmlDeviceGetTotalEnergyConsumption(device d, unsigned long long* mj) {
  if (denies("energy")) return not_supported;
  return with(d, [&](const stand_in_gpu& g, double) {
    *mj = static_cast<unsigned long long>(g.energy_j * 1000 + 0.5);
    return success;
  });
}
int nvmlDeviceGetClockInfo(device d, int, unsigned* mhz) {
  return with(d, [&](const stand_in_gpu& g, double now_s) {
    *mhz = static_cast<unsigned>(g.clock_ghz(now_s) * 1000 + 0.5);
    return success;
  });
}
int nvmlDeviceGetUtilizationRates(device d, unsigned* gpu_and_memory) {
  return with(d, [&](const stand_in_gpu& g, double now_s) {
    gpu_and_memory[0] = gpu_and_memory[1] = static_cast<unsigned>(g.load_at(now_s) * 100 + 0.5);
    return success;
  });
}
int nvmlDeviceSetGpuLockedClocks(device d, unsigned least, unsigned most) {
  if (denies("clocks")) return no_permission;
  if (least > most) return invalid;
  return with(d, [&](stand_in_gpu& g, double) {
    g.locked_mhz = static_cast<int>(most);
    return success;
  });
}
int nvmlDeviceResetGpuLockedClocks(device d) {
  if (denies("clocks")) return no_permission;
  return with(d, [&](stand_in_gpu& g, double) {
    g.locked_mhz = 0;
    return success;
  });
}
int nvmlDeviceGetPowerManagementLimitConstraints(device, unsigned* least, unsigned* most) {
  *least = static_cast<unsigned>(stand_in_gpu::least_w * 1000);
  *most = static_cast<unsigned>(stand_in_gpu::most_w * 1000);
  return success;
}
int nvmlDeviceGetPowerManagementLimit(device d, unsigned* mw) {
  return with(d, [&](const stand_in_gpu& g, double) {
    *mw = static_cast<unsigned>(g.limit_w * 1000 + 0.5);
    return success;
  });
}
int nvmlDeviceGetPowerManagementDefaultLimit(device, unsigned* mw) {
  *mw = static_cast<unsigned>(stand_in_gpu::most_w * 1000);
  return success;
}
int nvmlDeviceSetPowerManagementLimit(device d, unsigned mw) {
  if (denies("caps")) return no_permission;
  return with(d, [&](stand_in_gpu& g, double) -> int {
    if (mw < stand_in_gpu::least_w * 1000 || mw > stand_in_gpu::most_w * 1000) return invalid;
    g.limit_w = mw / 1000.0;
    return success;
  });
}

}  // extern "C"
