// GPUs and training jobs that heddle knows, each with the facts it was calibrated from.
//
//   gpu_type       clocks, power and datasheet rates of one type of GPU      10 types
//   training_job   measured profiles of one kind of training                 15 kinds
//   catalogue      finds them by name and joins a job and a GPU to a model
//
// A profile is measured where its source says so and "derived" where it was scaled from another.
// Thread safety: const members may run side by side.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/detail/catalogue_data.hpp>
#include <heddle/model/job_model.hpp>

namespace heddle::model {

/// What is known of GPUs and training jobs.
///
///     const catalogue known;
///     const auto resnet = known.model("resnet50", "a100");
///     const operating_point p = resnet({.gpus = 8, .local_batch = 64, .clock_ghz = 1.41});
///
/// Names are compared without case, hyphens, underscores, blanks and slashes: `ResNet-50` is
/// `resnet50`. Traces' own names are understood too (`imagenet` and `resnet50/imagenet` of Pollux
/// and Zeus, `cifar10`, `bert_base_uncased/squad`, …).
class catalogue {
 public:
  /// The entries that come with heddle.
  catalogue() : catalogue(detail::known_gpus(), detail::known_jobs()) {}

  /// Entries of one's own.
  /// \throws input_error  for a GPU without clocks or with rates that are not positive, a job
  ///                      without a profile, or a profile on a GPU that is not among `gpus`
  catalogue(std::vector<gpu_type> gpus, std::vector<training_job> jobs)
      : gpus_(std::move(gpus)), jobs_(std::move(jobs)) {
    for (const gpu_type& g : gpus_) check(g);
    for (const training_job& j : jobs_) check(j);
  }

  [[nodiscard]] std::span<const gpu_type> gpus() const { return gpus_; }
  [[nodiscard]] std::span<const training_job> jobs() const { return jobs_; }

  /// The GPU type of that name, or null. O(entries).
  [[nodiscard]] const gpu_type* find_gpu(std::string_view name) const {
    const std::string key = simplified(name);
    const auto at = std::find_if(gpus_.begin(), gpus_.end(), [&](const gpu_type& g) {
      return simplified(g.name) == key || is_alias(g.aliases, key);
    });
    return at == gpus_.end() ? nullptr : &*at;
  }

  /// The training job of that name, or null. O(entries).
  [[nodiscard]] const training_job* find_job(std::string_view name) const {
    const std::string key = simplified(name);
    const auto at = std::find_if(jobs_.begin(), jobs_.end(), [&](const training_job& j) {
      return simplified(j.name) == key || is_alias(j.aliases, key);
    });
    return at == jobs_.end() ? nullptr : &*at;
  }

  /// The model of a job on a GPU type. Where the job was measured on that type its profile is
  /// taken as it is; else the job's first profile is scaled, derived:
  ///
  ///     compute  by the ratio of memory bandwidths, the core-bound share by that of clocks too
  ///     sync     by the ratio of the rates between GPUs of a server and between servers
  ///
  /// \param job,gpu  names as `find_job`, `find_gpu` take them
  /// \throws input_error  for an unknown name, listing the known ones
  [[nodiscard]] job_model<powerflow_throughput, ridge_power> model(std::string_view job,
                                                                   std::string_view gpu) const {
    const training_job* const j = find_job(job);
    if (!j) throw input_error("catalogue", "one of the jobs " + names(jobs_), in_quotes(job));
    const gpu_type* const g = find_gpu(gpu);
    if (!g) throw input_error("catalogue", "one of the GPUs " + names(gpus_), in_quotes(gpu));

    powerflow_throughput time = scaled_to(*g, j->profiles.front());
    for (const training_profile& p : j->profiles)
      if (simplified(p.gpu) == simplified(g->name)) {
        if (p.has_network) {
          time = p.time;
        } else {  // compute measured here, synchronisation scaled from the first profile
          time.a0_s = p.time.a0_s, time.a1_s_ghz = p.time.a1_s_ghz;
          time.b0_s = p.time.b0_s, time.b1_s_ghz = p.time.b1_s_ghz;
        }
        break;
      }
    ridge_power power = g->power;
    power.dynamic_w_per_ghz *= j->intensity;
    return {time, power};
  }

 private:
  [[nodiscard]] static std::string simplified(std::string_view name) {
    std::string out;
    for (char c : name)
      if (c >= 'A' && c <= 'Z')
        out += static_cast<char>(c - 'A' + 'a');
      else if (c != '-' && c != '_' && c != ' ' && c != '/')
        out += c;
    return out;
  }
  [[nodiscard]] static bool is_alias(const std::vector<std::string>& aliases,
                                     const std::string& key) {
    return std::any_of(aliases.begin(), aliases.end(),
                       [&](const std::string& a) { return simplified(a) == key; });
  }
  template <class T>
  [[nodiscard]] static std::string names(const std::vector<T>& entries) {
    std::string out;
    for (const T& e : entries) out += (out.empty() ? "" : ", ") + e.name;
    return out;
  }
  [[nodiscard]] static std::string in_quotes(std::string_view name) {
    std::string out(1, '"');
    out += name;
    out += '"';
    return out;
  }

  [[nodiscard]] powerflow_throughput scaled_to(const gpu_type& to,
                                               const training_profile& p) const {
    const gpu_type& from = *find_gpu(p.gpu);
    const double slower = from.memory_gbs / to.memory_gbs;
    const double clock = to.top_clock_ghz() / from.top_clock_ghz();
    const double server = from.server_link_gbs / to.server_link_gbs;
    const double network = from.network_gbps / to.network_gbps;
    powerflow_throughput t = p.time;
    t.a0_s *= slower, t.b0_s *= slower;
    t.a1_s_ghz *= slower * clock, t.b1_s_ghz *= slower * clock;
    for (double* part : {&t.alpha_r_s, &t.beta_r_s, &t.zeta_r_s, &t.lambda_r_s}) *part *= server;
    for (double* part : {&t.alpha_n_s, &t.beta_n_s, &t.zeta_n_s, &t.lambda_n_s}) *part *= network;
    t.knee_ghz *= clock;
    return t;
  }

  static void check(const gpu_type& g) {
    const std::string where = "catalogue: GPU " + in_quotes(g.name);
    if (g.clocks_ghz.empty() || !(g.clocks_ghz.front() > 0) ||
        !std::is_sorted(g.clocks_ghz.begin(), g.clocks_ghz.end(), std::less_equal<>{}))
      throw input_error(where, "clocks > 0 in ascending order", "others");
    if (!(g.memory_gbs > 0 && g.server_link_gbs > 0 && g.network_gbps > 0))
      throw input_error(where, "positive memory, link and network rates", "others");
    if (!(g.idle_w >= 0 && g.power(g.clocks_ghz.front(), 1) > 0))
      throw input_error(where, "an idle power ≥ 0 and a power > 0 at work", "others");
  }
  void check(const training_job& j) const {
    const std::string where = "catalogue: job " + in_quotes(j.name);
    if (j.profiles.empty()) throw input_error(where, "at least one profile", "none");
    if (!(j.default_local_batch > 0)) throw input_error(where, "a default batch > 0", "another");
    if (!(j.intensity > 0)) throw input_error(where, "an intensity > 0", "another");
    if (!j.profiles.front().has_network)
      throw input_error(where, "a first profile with synchronisation", "one without");
    for (const training_profile& p : j.profiles)
      if (!find_gpu(p.gpu))
        throw input_error(where, "profiles on one of " + names(gpus_), in_quotes(p.gpu));
  }

  std::vector<gpu_type> gpus_;
  std::vector<training_job> jobs_;
};

}  // namespace heddle::model
