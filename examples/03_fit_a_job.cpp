// From a handful of measured iterations to a curve that a scheduler can use.
#include <cstdio>
#include <string>
#include <vector>

#include <heddle/model/catalogue.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/suggest.hpp>

using namespace heddle::model;

int main() {
  // The job to profile. Here a model stands in for it, as somebody would measure it: within 2 %.
  const catalogue known;
  const gpu_type& gpu = *known.find_gpu("v100");
  const job_model truth = known.model("resnet50", "v100");
  auto measure = [&, runs = 0](sample s) mutable {
    const double error = 0.02 * ((++runs * 7 % 5) - 2) / 2.0;
    const operating_point p = truth(s.config);
    s.iteration_s = truth.time(s.config).total_s * (1 + error);
    s.power_w = p.power_w * (1 - error);
    return s;
  };

  // What could be measured: 1 to 32 GPUs in servers of eight, three batch sizes, three clocks.
  std::vector<sample> candidates;
  for (int n : {1, 2, 4, 8, 16, 32})
    for (double batch : {16.0, 64.0, 128.0})
      for (double clock_ghz : {0.705, 1.087, 1.380}) {
        sample s;
        s.config = {
            .gpus = n, .servers = (n + 7) / 8, .local_batch = batch, .clock_ghz = clock_ghz};
        candidates.push_back(s);
      }

  // Twelve runs, each where it tells most.
  std::vector<sample> samples;
  for (int run = 0; run < 12; ++run) {
    const suggestion next = suggest_sample(samples, candidates);
    samples.push_back(measure(candidates[next.candidate]));
    const sample& s = samples.back();
    std::printf("run %2d: %2d GPUs, batch %3.0f, %.3f GHz -> %.3f s, %5.0f W\n", run + 1,
                s.config.gpus, s.config.local_batch, s.config.clock_ghz, s.iteration_s, *s.power_w);
  }

  const time_fit time = fit_time(samples);
  const power_fit power = fit_power(samples, time);
  std::printf("\n%-18s %10s   95 %% interval\n", "parameter", "value");
  for (const auto* list : {&time.parameters, &power.parameters})
    for (const parameter_estimate& e : *list) {
      if (e.state == parameter_state::free)
        std::printf("%-18s %10.4g   %.4g to %.4g\n", e.name.c_str(), e.value, e.low, e.high);
      else
        std::printf("%-18s %10.4g   %s: %s\n", e.name.c_str(), e.value,
                    std::string(name(e.state)).c_str(), e.why.c_str());
    }

  // How far off is it where nobody measured?
  fit_error_sum off;
  for (const sample& s : candidates) off.add(time(s.config).total_s, truth.time(s.config).total_s);
  std::printf("\nall %zu configurations: off by %.1f %% on average\n", candidates.size(),
              100 * off.result().mape);

  // The curve that a scheduler works with.
  const job_model fitted{profiled_throughput{time.model, time.profile}, power.ridge};
  const curve c =
      make_curve(fitted, {.gpus = {1, 2, 4, 8}, .clocks_ghz = gpu.clocks_ghz, .global_batch = 256});
  for (int n : {1, 2, 4, 8})
    std::printf("%d GPUs: %5.0f samples/s at most; %.2f J a sample at best, at %.3f GHz\n", n,
                c.fastest(n)->throughput, c.most_efficient(n)->energy_per_sample_j(),
                c.most_efficient(n)->config.clock_ghz);
  return off.result().mape < 0.10 ? 0 : 1;
}
