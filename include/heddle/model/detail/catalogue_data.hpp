// The entries that come with heddle. How each number was got stands in docs/models.md.
#pragma once

#include <string>
#include <vector>

#include <heddle/model/gpu_type.hpp>
#include <heddle/model/training_job.hpp>

namespace heddle::model::detail {

inline const char* const clocks_in_steps =
    "clocks, power limit and rates of the vendor's datasheet; power over the clock derived: V100's "
    "ridge between the idle power and the limit";

/// Types in the order of their introduction.
[[nodiscard]] inline std::vector<gpu_type> known_gpus() {
  return {
      {.name = "p100",
       .aliases = {"tesla-p100"},
       .idle_w = 27,
       .clocks_ghz = {0.544, 0.709, 0.873, 1.000, 1.126, 1.227, 1.328},
       .power = scaled_ridge(27, 250, 1.328),
       .memory_gbs = 732,
       .server_link_gbs = 32,
       .network_gbps = 25,
       .source = clocks_in_steps},
      {.name = "v100",
       .aliases = {"tesla-v100", "v100-pcie"},
       .idle_w = 20,
       .clocks_ghz = {0.502, 0.600, 0.705, 0.802, 0.945, 1.087, 1.237, 1.380},
       .power = {.static_w = 20.86,
                 .dynamic_w_per_ghz = 86.40,
                 .ridge_ghz = 1.036,
                 .slope_per_ghz = 0.6354},
       .memory_gbs = 900,
       .server_link_gbs = 300,
       .network_gbps = 25,
       .source = "power over the clock fitted to eight measured points of binomialOptions (MHz: W) "
                 "502: 63.8, 600: 72.8, 705: 83.2, 802: 89.4, 945: 102.2, 1087: 122.4, "
                 "1237: 153.1, 1380: 200.6; rates of the vendor's datasheet"},
      {.name = "t4",
       .aliases = {"tesla-t4"},
       .idle_w = 10,
       .clocks_ghz = {0.600, 0.750, 0.900, 1.050, 1.200, 1.350, 1.470, 1.590},
       .power = scaled_ridge(10, 70, 1.590),
       .memory_gbs = 320,
       .server_link_gbs = 32,
       .network_gbps = 50,
       .source = clocks_in_steps},
      {.name = "rtx6000",
       .aliases = {"quadro-rtx-6000"},
       .idle_w = 22,
       .clocks_ghz = {0.600, 0.795, 0.990, 1.185, 1.380, 1.515, 1.650, 1.770},
       .power = scaled_ridge(22, 260, 1.770),
       .memory_gbs = 672,
       .server_link_gbs = 32,
       .network_gbps = 25,
       .source = clocks_in_steps},
      {.name = "a100",
       .aliases = {"a100-sxm4", "a100-sxm4-40gb"},
       .idle_w = 60,
       .clocks_ghz = {0.600, 0.750, 0.900, 1.005, 1.110, 1.215, 1.320, 1.410},
       .power = scaled_ridge(60, 400, 1.410),
       .memory_gbs = 1555,
       .server_link_gbs = 600,
       .network_gbps = 400,
       .source = clocks_in_steps},
      {.name = "a40",
       .aliases = {"nvidia-a40"},
       .idle_w = 30,
       .clocks_ghz = {0.600, 0.795, 0.990, 1.185, 1.380, 1.515, 1.635, 1.740},
       .power = scaled_ridge(30, 300, 1.740),
       .memory_gbs = 696,
       .server_link_gbs = 64,
       .network_gbps = 100,
       .source = clocks_in_steps},
      {.name = "rtx3080ti",
       .aliases = {"rtx-3080-ti", "3080ti"},
       .idle_w = 25,
       .clocks_ghz = {1.177, 1.336, 1.482, 1.628, 1.763, 1.842},
       .power = {.static_w = 88.41,
                 .dynamic_w_per_ghz = 87.58,
                 .ridge_ghz = 1.642,
                 .slope_per_ghz = 0.8633},
       .memory_gbs = 912,
       .server_link_gbs = 64,
       .network_gbps = 25,
       .source = "power over the clock fitted to four measured points of ResNet-18 training "
                 "(MHz: W) 1177: 191.5, 1628: 231.0, 1763: 276.7, 1842: 310.2; rates of the "
                 "vendor's datasheet"},
      {.name = "a4000",
       .aliases = {"rtx-a4000"},
       .idle_w = 15,
       .clocks_ghz = {0.405, 0.780, 1.155, 1.335, 1.530, 1.710},
       .power = {.static_w = 28.37,
                 .dynamic_w_per_ghz = 38.50,
                 .ridge_ghz = 1.368,
                 .slope_per_ghz = 0.7755},
       .memory_gbs = 448,
       .server_link_gbs = 64,
       .network_gbps = 25,
       .source = "power over the clock fitted to six measured points of an fp32 kernel (MHz: W) "
                 "405: 43.9, 780: 59.0, 1155: 72.2, 1335: 79.9, 1530: 103.0, 1710: 133.8; rates of "
                 "the vendor's datasheet"},
      {.name = "l40s",
       .aliases = {"nvidia-l40s"},
       .idle_w = 35,
       .clocks_ghz = {0.750, 1.005, 1.260, 1.515, 1.770, 2.025, 2.265, 2.520},
       .power = scaled_ridge(35, 350, 2.520),
       .memory_gbs = 864,
       .server_link_gbs = 64,
       .network_gbps = 200,
       .source = clocks_in_steps},
      {.name = "h100",
       .aliases = {"h100-sxm5", "h100-80gb-hbm3"},
       .idle_w = 70,
       .clocks_ghz = {0.705, 0.930, 1.155, 1.380, 1.545, 1.695, 1.845, 1.980},
       .power = scaled_ridge(70, 700, 1.980),
       .memory_gbs = 3350,
       .server_link_gbs = 900,
       .network_gbps = 3200,
       .source = clocks_in_steps},
  };
}

/// A gradient time of launch_s + sample_s·b at the top clock of which `core_share` is bound by the
/// core clock.
[[nodiscard]] inline powerflow_throughput with_core_share(double launch_s, double sample_s,
                                                          double core_share, double top_clock_ghz,
                                                          powerflow_throughput t = {}) {
  t.a0_s = launch_s * (1 - core_share), t.a1_s_ghz = launch_s * core_share * top_clock_ghz;
  t.b0_s = sample_s * (1 - core_share), t.b1_s_ghz = sample_s * core_share * top_clock_ghz;
  return t;
}

/// `t` with its gradient time and its synchronisation on another scale.
[[nodiscard]] inline powerflow_throughput scaled_profile(powerflow_throughput t, double compute,
                                                         double sync) {
  t.a0_s *= compute, t.a1_s_ghz *= compute, t.b0_s *= compute, t.b1_s_ghz *= compute;
  t.alpha_r_s *= sync, t.beta_r_s *= sync, t.alpha_n_s *= sync, t.beta_n_s *= sync,
      t.zeta_n_s *= sync;
  return t;
}

[[nodiscard]] inline std::vector<training_job> known_jobs() {
  // 55 % of the iteration of ResNet-18 on an RTX 3080 Ti is bound by the core clock: fitted to
  // (MHz: iterations/s) 1177: 42.93, 1628: 52.50, 1763: 54.94, 1842: 56.34. Where no measurement
  // over clocks or power limits is known, that share is taken.
  constexpr double core = 0.55;
  const std::string pollux =
      "fitted to the step times on T4 of the Pollux artifact (OSDI 2021); core-bound share derived";
  const std::string zeus =
      "fitted to the epoch times on one GPU over batch and power limit of the Zeus traces (NSDI "
      "2023), 1 281 167 images or 88 641 features an epoch";
  const std::string gavel =
      "fitted to the steps/s on V100, one to eight GPUs, of Gavel (OSDI 2020); core-bound share "
      "derived";
  const std::string from_resnet50 = "derived from ResNet-50: ";
  const std::string published =
      "derived: from published iteration times at 32 and 96 accelerators without contention; local "
      "batch 1 stands for what one accelerator did in an iteration, ";

  const auto t4 = [](double launch_s, double sample_s, powerflow_throughput sync) {
    return with_core_share(launch_s, sample_s, core, 1.590, sync);
  };
  const auto v100 = [](double launch_s, double sample_s, powerflow_throughput sync) {
    return with_core_share(launch_s, sample_s, core, 1.380, sync);
  };
  const auto a100 = [](double launch_s, double sample_s, powerflow_throughput sync) {
    return with_core_share(launch_s, sample_s, core, 1.410, sync);
  };

  const powerflow_throughput resnet50_t4 = t4(0.0556, 0.004598,
                                              {.alpha_r_s = 0.0929,
                                               .beta_r_s = 0.01171,
                                               .alpha_n_s = 0.3115,
                                               .beta_n_s = 0.006552,
                                               .gamma = 2.848});
  // Power limits in place of clocks: a1 and b1 come out for a clock of 1 at the top.
  const auto zeus_fit = [](double a0, double a1, double b0, double b1, double top_clock_ghz) {
    return powerflow_throughput{
        .a0_s = a0, .a1_s_ghz = a1 * top_clock_ghz, .b0_s = b0, .b1_s_ghz = b1 * top_clock_ghz};
  };

  return {
      {.name = "resnet50",
       .aliases = {"imagenet", "resnet50/imagenet"},
       .default_local_batch = 64,
       .profiles = {{"t4", resnet50_t4, true, pollux},
                    {"v100", zeus_fit(0.01372, 0.0005383, 0.0009774, 0.001728, 1.380), false, zeus},
                    {"rtx6000", zeus_fit(0.01517, 0.002888, 0.001047, 0.00273, 1.770), false,
                     zeus}},
       .source = pollux},
      {.name = "resnet18",
       .aliases = {"cifar10", "resnet18/cifar10"},
       .default_local_batch = 128,
       .intensity = 0.85,
       .profiles = {{"t4",
                     t4(0.009701, 0.0007825,
                        {.alpha_r_s = 0.04132,
                         .beta_r_s = 0.004915,
                         .alpha_n_s = 0.1297,
                         .beta_n_s = 0.002644,
                         .gamma = 2.892}),
                     true, pollux}},
       .source = pollux},
      {.name = "resnet101",
       .aliases = {},
       .default_local_batch = 64,
       .profiles = {{"t4", scaled_profile(resnet50_t4, 1.9, 1.74), true,
                     from_resnet50 + "multiply-adds 7.8 against 4.1 G, parameters 44.5 against "
                                     "25.6 M"}},
       .source = "derived"},
      {.name = "vgg16",
       .aliases = {},
       .default_local_batch = 32,
       .profiles = {{"t4", scaled_profile(resnet50_t4, 1.5, 5.4), true,
                     from_resnet50 +
                         "compute taken as 1.5 times, parameters 138.4 against 25.6 M"}},
       .source = "derived"},
      {.name = "bert",
       .aliases = {"bert-base", "bert-base-uncased", "bert_base_uncased/squad"},
       .default_local_batch = 12,
       .profiles = {{"t4",
                     t4(0.2179, 0.05803,
                        {.alpha_r_s = 0.2208,
                         .beta_r_s = 0.03019,
                         .alpha_n_s = 1.365,
                         .beta_n_s = 0.01125,
                         .gamma = 2.102}),
                     true, pollux},
                    {"v100", zeus_fit(0.00115, 0.001016, 0.008039, 0.01085, 1.380), false, zeus},
                    {"rtx6000", zeus_fit(0.0005167, 0.0004418, 0.0108, 0.009319, 1.770), false,
                     zeus}},
       .source = pollux},
      {.name = "deepspeech2",
       .aliases = {"deepspeech2/librispeech", "deepspeech"},
       .default_local_batch = 40,
       .profiles = {{"t4",
                     t4(0.01699, 0.03315,
                        {.alpha_r_s = 0.4804,
                         .beta_r_s = 0.07946,
                         .alpha_n_s = 0.8883,
                         .beta_n_s = 0.009535,
                         .gamma = 3.171}),
                     true, pollux}},
       .source = pollux},
      {.name = "yolov3",
       .aliases = {"yolo"},
       .default_local_batch = 8,
       .profiles = {{"t4",
                     t4(0.1552, 0.02855,
                        {.alpha_r_s = 0.139,
                         .beta_r_s = 0.06006,
                         .alpha_n_s = 0.8191,
                         .beta_n_s = 0.01114,
                         .gamma = 1.256}),
                     true, pollux}},
       .source = pollux},
      {.name = "ncf",
       .aliases = {"neumf", "ncf/movielens-1m"},
       .default_local_batch = 4096,
       .intensity = 0.5,
       .profiles = {{"t4",
                     t4(0.006929, 9.227e-7,
                        {.alpha_r_s = 0.002979,
                         .beta_r_s = 0.001089,
                         .alpha_n_s = 0.0145,
                         .beta_n_s = 0.0005252,
                         .gamma = 1.017}),
                     true, pollux}},
       .source = pollux},
      {.name = "transformer",
       .aliases = {},
       .default_local_batch = 64,
       .profiles = {{"v100",
                     v100(0.04541, 0.001812,
                          {.alpha_r_s = 0.05521,
                           .beta_r_s = 0.0045,
                           .alpha_n_s = 0.2246,
                           .beta_n_s = 0.02563,
                           .gamma = 1.287}),
                     true, gavel}},
       .source = gavel},
      {.name = "lm",
       .aliases = {"language-model"},
       .default_local_batch = 40,
       .profiles = {{"v100",
                     v100(0.007558, 0.0003843,
                          {.alpha_r_s = 0.006245,
                           .beta_r_s = 0.0005235,
                           .alpha_n_s = 0.07249,
                           .beta_n_s = 0.009925,
                           .gamma = 1.438}),
                     true, gavel}},
       .source = gavel},
      {.name = "pangu",
       .aliases = {"pangu-moe", "pangu-alpha"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.020, 0.161,
                          {.alpha_r_s = 0.006,
                           .beta_r_s = 0.0004,
                           .alpha_n_s = 0.0529,
                           .beta_n_s = 0.00147}),
                     true, published + "278 and 372 ms, 34.8 % of the first in communication"}},
       .source = "derived"},
      {.name = "llama-7b",
       .aliases = {"llama"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.046, 0.412,
                          {.alpha_r_s = 0.003,
                           .beta_r_s = 0.0003,
                           .alpha_n_s = 0.0236,
                           .beta_n_s = 0.00128}),
                     true, published + "520 and 602 ms, 12 % of the first in communication"}},
       .source = "derived"},
      {.name = "llama2-7b",
       .aliases = {"llama2"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.0945, 0.851,
                          {.alpha_r_s = 0.012,
                           .beta_r_s = 0.0001,
                           .alpha_n_s = 0.1148,
                           .beta_n_s = 0.000453}),
                     true, published + "1074 and 1103 ms, 12 % of the first in communication"}},
       .source = "derived"},
      {.name = "llama2-13b",
       .aliases = {},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.1486, 1.338,
                          {.alpha_r_s = 0.014,
                           .beta_r_s = 0.0005,
                           .alpha_n_s = 0.1433,
                           .beta_n_s = 0.00197}),
                     true, published + "1689 and 1815 ms, 12 % of the first in communication"}},
       .source = "derived"},
      {.name = "gpt2-13b",
       .aliases = {"gpt2"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.0842, 0.758,
                          {.alpha_r_s = 0.010,
                           .beta_r_s = 0.0002,
                           .alpha_n_s = 0.0680,
                           .beta_n_s = 0.000497}),
                     true, published + "957 ms at 96, 12 % of it in communication"}},
       .source = "derived"},
  };
}

}  // namespace heddle::model::detail
