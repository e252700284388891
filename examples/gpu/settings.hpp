// Setting clocks of the GPUs of this machine under leases, and taking them back.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/catalogue.hpp>

#include "gpu/clocks.hpp"
#include "gpu/leases.hpp"
#include "gpu/nvml.hpp"

namespace heddle::gpu {

/// What became of one GPU.
struct gpu_note {
  int gpu = 0;  ///< −1: it is no longer in this machine
  std::string text{};
};

namespace detail {

/// Takes one lease back; one that cannot be read, as either kind. \throws nvml_refusal  if the GPU does not
/// take it; the lease stands then
inline void take_back(nvml& lib, leases& book, const lease& l, nvml::device d) {
  std::optional<nvml_refusal> refused;
  if (!l.by_cap) try {
      lib.unlock_clock(d);
    } catch (const nvml_refusal& e) {
      refused = e;
    }
  if (l.by_cap || l.is_broken) {
    const power_limits now = lib.limits(d);
    lib.cap(d, l.before_w > 0 ? std::clamp(l.before_w, now.least_w, now.most_w) : now.usual_w);
  }
  if (refused && !l.is_broken) throw *refused;
  book.cross_out(l.uuid);
}

/// Sets one clock, as a power cap where it may not be set. The lease stands before anything is set.
inline gpu_note set_clock(nvml& lib, leases& book, nvml::device d, lease l,
                          const model::gpu_type& type, const std::optional<lease>& before) {
  const auto as_cap = [&](const nvml_refusal& why) {
    const power_limits now = lib.limits(d);
    l.by_cap = true;
    l.before_w = before && before->by_cap ? before->before_w : now.now_w;
    const double watts = std::clamp(type.power(l.clock_mhz / 1000.0, 1), now.least_w, now.most_w);
    book.keep(l);
    lib.cap(d, watts);
    return std::to_string(l.clock_mhz) + " MHz as a cap of " +
           std::to_string(static_cast<int>(watts + 0.5)) + " W (" + why.what() + ")";
  };
  try {
    // A cap stays one: its limit before is known to its lease alone.
    if (before && before->by_cap && !before->is_broken)
      return {0, as_cap(nvml_refusal("as before", nvml_no_permission))};
    book.keep(l);
    lib.lock_clock(d, l.clock_mhz);
    return {0, std::to_string(l.clock_mhz) + " MHz"};
  } catch (const nvml_refusal& e) {
    if (l.by_cap || (e.code != nvml_not_supported && e.code != nvml_no_permission)) throw;
    return {0, as_cap(e)};
  }
}

}  // namespace detail

/// For whom clocks are set, and until when.
struct tenure {
  std::string job = "none";
  double lease_s = 600;
};

/// Gives GPUs their clocks. What another lease said of them is written over; GPUs that the catalogue does not
/// know are left alone. If one refuses, those that were set before it are reset.
/// \throws input_error   for a GPU that this machine does not have; nothing was set
/// \throws nvml_refusal  if NVML refuses
inline std::vector<gpu_note> apply(nvml& lib, leases& book, const clock_table& wanted,
                                   const tenure& t, double now_s) {
  const model::catalogue known;
  const int gpus = lib.count();
  if (!wanted.empty() && wanted.rbegin()->first >= gpus)
    throw input_error("apply", "GPUs of the " + std::to_string(gpus) + " of this machine",
                      "GPU " + std::to_string(wanted.rbegin()->first));
  std::vector<gpu_note> out;
  std::vector<std::pair<lease, nvml::device>> done;
  try {
    for (const auto& [gpu, mhz] : wanted) {
      const nvml::device d = lib.at(gpu);
      const std::string name = lib.name(d);
      const model::gpu_type* const type = known_gpu(known, name);
      if (!type) {
        out.push_back({gpu, "left alone, " + name + " is not in the catalogue"});
        continue;
      }
      lease l{.uuid = lib.uuid(d), .job = t.job, .clock_mhz = mhz, .expires_s = now_s + t.lease_s};
      if (!is_plain_word(l.uuid))
        throw nvml_refusal("GPU " + std::to_string(gpu) + " has no plain UUID", -1);
      const auto before = book.find(l.uuid);
      done.emplace_back(l, d);
      gpu_note note = detail::set_clock(lib, book, d, l, *type, before);
      note.gpu = gpu;
      out.push_back(std::move(note));
    }
  } catch (const examples::unmet_request& e) {
    for (const auto& [l, d] : done) try {
        if (const auto kept = book.find(l.uuid)) detail::take_back(lib, book, *kept, d);
      } catch (const examples::unmet_request&) {  // its lease stands, and runs out
      }
    throw;
  }
  return out;
}

/// Takes back the leases that `which` holds for, as far as the GPUs are there.
/// \throws nvml_refusal  if some GPU refuses, after all others; its lease stands
inline std::vector<gpu_note> reset(nvml& lib, leases& book,
                                   const std::function<bool(const lease&, int)>& which) {
  std::vector<gpu_note> out;
  std::optional<nvml_refusal> refused;
  std::vector<lease> left = book.all();
  for (int i = 0; i < lib.count(); ++i) {
    const nvml::device d = lib.at(i);
    const std::string uuid = lib.uuid(d);
    const auto at =
        std::find_if(left.begin(), left.end(), [&](const lease& l) { return l.uuid == uuid; });
    if (at == left.end()) continue;
    const lease l = *at;
    left.erase(at);
    if (!which(l, i)) continue;
    try {
      detail::take_back(lib, book, l, d);
      out.push_back({i, l.is_broken ? "reset, its lease could not be read"
                                    : "reset, it was set for job " + l.job});
    } catch (const nvml_refusal& e) {
      refused = e;
    }
  }
  for (const lease& l : left)
    if (which(l, -1)) {
      book.cross_out(l.uuid);
      out.push_back({-1, l.uuid + " is no longer here"});
    }
  if (refused) throw *refused;
  return out;
}

}  // namespace heddle::gpu
