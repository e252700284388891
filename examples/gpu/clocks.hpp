// Which GPU is to have which clock, and what is known of GPUs.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/model/catalogue.hpp>

namespace heddle::gpu {

/// Clocks in MHz by the number of the GPU in its machine.
using clock_table = std::map<int, int>;

namespace detail {

inline void add(clock_table& t, std::optional<int> gpu, std::optional<int> mhz,
                const std::string& where) {
  constexpr int most_gpus = 1024, least_mhz = 100, most_mhz = 10'000;
  if (!gpu || *gpu < 0 || *gpu >= most_gpus)
    throw input_error(where, "the number of a GPU, from 0 to 1023", "another value");
  if (!mhz || *mhz < least_mhz || *mhz > most_mhz)
    throw input_error(where, "a clock from 100 to 10000 MHz", "another value");
  if (!t.emplace(*gpu, *mhz).second)
    throw input_error(where, "each GPU once", "GPU " + std::to_string(*gpu) + " twice");
}

}  // namespace detail

/// Reads the pilot's `clocks.csv` (host,gpu,clock_mhz in this order): the rows of `host`.
/// \throws input_error  for another file, one of more than 4 MB, bad numbers, a GPU twice
[[nodiscard]] inline clock_table read_clocks(const std::string& file, const std::string& host) {
  constexpr std::uintmax_t most_bytes = 4 << 20;
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0 || !S_ISREG(about.st_mode))
    throw input_error(file, "a readable file", "none");
  if (static_cast<std::uintmax_t>(about.st_size) > most_bytes)
    throw input_error(file, "at most 4 MB", std::to_string(about.st_size) + " bytes");
  std::ifstream in(file, std::ios::binary);
  std::string line;
  if (!std::getline(in, line) || line != "host,gpu,clock_mhz")
    throw input_error(file, "a first line host,gpu,clock_mhz", "another");
  clock_table out;
  for (int n = 2; std::getline(in, line); ++n) {
    const std::string_view text = line;
    const auto a = text.find(','), b = a == text.npos ? a : text.find(',', a + 1);
    const std::string where = file + ":" + std::to_string(n);
    if (b == text.npos) throw input_error(where, "three columns", "fewer");
    if (text.substr(0, a) == host)
      detail::add(out, number_in<int>(text.substr(a + 1, b - a - 1)),
                  number_in<int>(text.substr(b + 1)), where);
  }
  return out;
}

/// What the catalogue knows of a GPU that NVML calls by this name (`NVIDIA A100-SXM4-40GB`), or null: the
/// longest beginning of the name that it knows, by whole words.
[[nodiscard]] inline const model::gpu_type* known_gpu(const model::catalogue& known,
                                                      std::string_view name) {
  const auto plain = [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), plain);
  for (std::string_view maker : {"nvidia ", "geforce "})
    if (text.starts_with(maker)) text.erase(0, maker.size());
  while (!text.empty()) {
    if (const model::gpu_type* const type = known.find_gpu(text)) return type;
    const auto end = text.find_last_of(" -/");
    text.resize(end == text.npos ? 0 : end);
  }
  return nullptr;
}

}  // namespace heddle::gpu
