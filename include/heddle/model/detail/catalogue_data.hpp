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
       .power = {.static_w = 20.95,
                 .dynamic_w_per_ghz = 86.26,
                 .ridge_ghz = 1.0348,
                 .slope_per_ghz = 0.635},
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
       .power = {.static_w = 158.2,
                 .dynamic_w_per_ghz = 28.30,
                 .ridge_ghz = 1.5058,
                 .slope_per_ghz = 2.105},
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
       .power = {.static_w = 28.50,
                 .dynamic_w_per_ghz = 38.37,
                 .ridge_ghz = 1.3662,
                 .slope_per_ghz = 0.775},
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
  t.alpha_r_s *= sync, t.beta_r_s *= sync, t.alpha_n_s *= sync, t.beta_n_s *= sync, t.zeta_n_s *= sync;
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
      "fitted to the epoch times on one GPU at the highest power limit of the Zeus traces "
      "(NSDI 2023); core-bound share derived";
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
  const auto v100 = [](double launch_s, double sample_s, powerflow_throughput sync = {}) {
    return with_core_share(launch_s, sample_s, core, 1.380, sync);
  };
  const auto a100 = [](double launch_s, double sample_s, powerflow_throughput sync) {
    return with_core_share(launch_s, sample_s, core, 1.410, sync);
  };

  const powerflow_throughput resnet50_t4 = t4(0.05704, 0.004549,
                                              {.alpha_r_s = 0.08513,
                                               .beta_r_s = 0.01363,
                                               .alpha_n_s = 0.3099,
                                               .beta_n_s = 0.006622,
                                               .gamma = 2.682});
  const powerflow_throughput resnet50_v100 = v100(0.0145, 0.002708);

  return {
      {.name = "resnet50",
       .aliases = {"imagenet", "resnet50/imagenet"},
       .default_local_batch = 64,
       .profiles = {{"t4", resnet50_t4, true, pollux}, {"v100", resnet50_v100, false, zeus}},
       .source = pollux},
      {.name = "resnet18",
       .aliases = {"cifar10", "resnet18/cifar10"},
       .default_local_batch = 128,
       .intensity = 0.85,
       .profiles = {{"t4",
                     t4(0.01025, 0.00078,
                        {.alpha_r_s = 0.04081,
                         .beta_r_s = 0.004748,
                         .alpha_n_s = 0.1306,
                         .beta_n_s = 0.002648,
                         .gamma = 2.845}),
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
                     from_resnet50 + "compute taken as 1.5 times, parameters 138.4 against 25.6 M"}},
       .source = "derived"},
      {.name = "bert",
       .aliases = {"bert-base", "bert-base-uncased", "bert_base_uncased/squad"},
       .default_local_batch = 12,
       .profiles = {{"t4",
                     t4(0.2249, 0.05801,
                        {.alpha_r_s = 0.1512,
                         .beta_r_s = 0.0662,
                         .alpha_n_s = 1.403,
                         .beta_n_s = 0.009483,
                         .gamma = 2.1}),
                     true, pollux},
                    {"v100", v100(0, 0.0195), false, zeus}},
       .source = pollux},
      {.name = "deepspeech2",
       .aliases = {"deepspeech2/librispeech", "deepspeech"},
       .default_local_batch = 40,
       .profiles = {{"t4",
                     t4(0.01786, 0.03308,
                        {.alpha_r_s = 0.4732,
                         .beta_r_s = 0.08483,
                         .alpha_n_s = 0.8904,
                         .beta_n_s = 0.009183,
                         .gamma = 3.125}),
                     true, pollux}},
       .source = pollux},
      {.name = "yolov3",
       .aliases = {"yolo"},
       .default_local_batch = 8,
       .profiles = {{"t4",
                     t4(0.2056, 0.02475,
                        {.alpha_r_s = 0.04264,
                         .beta_r_s = 0.0799,
                         .alpha_n_s = 0.7208,
                         .beta_n_s = 0.01068,
                         .gamma = 1.081}),
                     true, pollux}},
       .source = pollux},
      {.name = "ncf",
       .aliases = {"neumf", "ncf/movielens-1m"},
       .default_local_batch = 4096,
       .intensity = 0.5,
       .profiles = {{"t4",
                     t4(0.00692, 8.388e-7,
                        {.alpha_r_s = 0.002862,
                         .beta_r_s = 0.001196,
                         .alpha_n_s = 0.01439,
                         .beta_n_s = 0.0005485,
                         .gamma = 1}),
                     true, pollux}},
       .source = pollux},
      {.name = "transformer",
       .aliases = {},
       .default_local_batch = 64,
       .profiles = {{"v100",
                     v100(0.0755, 0.00081,
                          {.alpha_r_s = 0.051, .beta_r_s = 0, .alpha_n_s = 0.1618,
                           .beta_n_s = 0.0345}),
                     true, gavel}},
       .source = gavel},
      {.name = "lm",
       .aliases = {"language-model"},
       .default_local_batch = 40,
       .profiles = {{"v100",
                     v100(0.0079, 0.000359,
                          {.alpha_r_s = 0.0056, .beta_r_s = 0, .alpha_n_s = 0.0584,
                           .beta_n_s = 0.0116}),
                     true, gavel}},
       .source = gavel},
      {.name = "pangu",
       .aliases = {"pangu-moe", "pangu-alpha"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.020, 0.161,
                          {.alpha_r_s = 0.006, .beta_r_s = 0.0004, .alpha_n_s = 0.0529,
                           .beta_n_s = 0.00147}),
                     true,
                     published + "278 and 372 ms, 34.8 % of the first in communication"}},
       .source = "derived"},
      {.name = "llama-7b",
       .aliases = {"llama"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.046, 0.412,
                          {.alpha_r_s = 0.003, .beta_r_s = 0.0003, .alpha_n_s = 0.0236,
                           .beta_n_s = 0.00128}),
                     true, published + "520 and 602 ms, 12 % of the first in communication"}},
       .source = "derived"},
      {.name = "llama2-7b",
       .aliases = {"llama2"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.0945, 0.851,
                          {.alpha_r_s = 0.012, .beta_r_s = 0.0001, .alpha_n_s = 0.1148,
                           .beta_n_s = 0.000453}),
                     true, published + "1074 and 1103 ms, 12 % of the first in communication"}},
       .source = "derived"},
      {.name = "llama2-13b",
       .aliases = {},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.1486, 1.338,
                          {.alpha_r_s = 0.014, .beta_r_s = 0.0005, .alpha_n_s = 0.1433,
                           .beta_n_s = 0.00197}),
                     true, published + "1689 and 1815 ms, 12 % of the first in communication"}},
       .source = "derived"},
      {.name = "gpt2-13b",
       .aliases = {"gpt2"},
       .default_local_batch = 1,
       .profiles = {{"a100",
                     a100(0.0842, 0.758,
                          {.alpha_r_s = 0.010, .beta_r_s = 0.0002, .alpha_n_s = 0.0680,
                           .beta_n_s = 0.000497}),
                     true, published + "957 ms at 96, 12 % of it in communication"}},
       .source = "derived"},
  };
}

}  // namespace heddle::model::detail
