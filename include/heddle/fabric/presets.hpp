// Networks that are built, by name.
//
//   name                  unit                          tiers  source
//   dgx-superpod-h100     scalable unit: 32 × 8 GPUs    2, 3   NVIDIA, DGX SuperPOD H100 reference architecture
//   hgx-b300-dual-plane   32 servers × 8 GPUs           2      NVIDIA, HGX B300; dual-plane ports of ConnectX-8
//   nvl72                 rack: 18 trays × 4 GPUs       2      NVIDIA, GB200 NVL72
//   hpn7                  segment: 128 servers × 8      2      Alibaba HPN, SIGCOMM 2024
//   meta-24k              rack: 2 servers × 8           3      Meta, RoCE at scale, SIGCOMM 2024
//
// Counts are those of the sources; wires are not always told there. What is assumed stands with each
// (`preset::assumed`); a preset is a `clos_shape`, of which any number may be changed before it is made.
#pragma once

#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <string_view>

#include <heddle/core/error.hpp>
#include <heddle/fabric/clos_shape.hpp>

namespace heddle::fabric {

/// A network by name, of so many units.
struct preset {
  std::string_view name;
  std::string_view unit;     ///< what its units are
  std::string_view source;   ///< of the counts
  std::string_view assumed;  ///< what the source does not tell
  int units = 1;             ///< if nobody says how many
  clos_shape (*shape)(int units) = nullptr;
};

namespace detail {

/// \throws input_error  unless `holds`
inline void require_units(bool holds, std::string_view name, const char* expected, int units) {
  if (!holds)
    throw input_error("preset " + std::string(name) + ", units", expected, std::to_string(units));
}

/// Units of 32 servers of 8 GPUs in 8 rails on leafs of 64 ports: 32 down, 32 up to the spines.
inline clos_shape scalable_units(int units, int planes) {
  const int spines = 4 * static_cast<int>(std::bit_ceil(static_cast<unsigned>(units)));
  return {.units = units,
          .servers_per_unit = 32,
          .gpus_per_server = 8,
          .cards = {.rails = 8, .planes = planes},
          .spines = planes * spines,
          .links_per_pair = 32 / spines,
          .link_gbps = 400,
          .server_gbps = 3600};
}

inline clos_shape dgx_superpod_h100(int units) {
  require_units((units >= 1 && units <= 8) || units == 16 || units == 32 || units == 64,
                "dgx-superpod-h100", "1 to 8, 16, 32 or 64 scalable units", units);
  if (units <= 8) return scalable_units(units, 1);
  clos_shape s = scalable_units(8, 1);
  s.units = units;
  s.pods = units / 4;
  s.cores = 4 * units;
  s.core_links_per_spine = 32;
  return s;
}
inline clos_shape hgx_b300_dual_plane(int units) {
  require_units(units >= 1 && units <= 8, "hgx-b300-dual-plane", "1 to 8 units", units);
  clos_shape s = scalable_units(units, 2);
  s.server_gbps = 7200;
  return s;
}
inline clos_shape nvl72(int units) {
  require_units(units >= 1 && units <= 4096, "nvl72", "1 to 4096 racks", units);
  return {.units = units,
          .servers_per_unit = 18,
          .gpus_per_server = 4,
          .cards = {.rails = 4},
          .domain_servers = 18,
          .spines = 18,
          .link_gbps = 400,
          .server_gbps = 7200};
}
inline clos_shape hpn7(int units) {
  require_units(units >= 1 && units <= 15, "hpn7", "1 to 15 segments", units);
  return {.units = units,
          .servers_per_unit = 128,
          .gpus_per_server = 8,
          .cards = {.rails = 8, .planes = 2},
          .spines = 120,
          .links_per_pair = 2,
          .link_gbps = 200,
          .server_gbps = 3200};
}
inline clos_shape meta_24k(int units) {
  require_units(units >= 192 && units <= 1536 && units % 192 == 0, "meta-24k",
                "192 racks for each of 1 to 8 pods", units);
  return {.units = units,
          .servers_per_unit = 2,
          .gpus_per_server = 8,
          .spines = 16,
          .pods = units / 192,
          .cores = 16 * 28,
          .core_links_per_spine = 28,
          .link_gbps = 400,
          .server_gbps = 3600};
}

inline constexpr preset presets[] = {
    {"dgx-superpod-h100", "scalable units of 32 servers",
     "NVIDIA DGX SuperPOD, reference architecture with DGX H100: tables of switches and cables",
     "up to 8 units each leaf has as many links to every spine; from 16 on pods of 4 units have 32 "
     "spines, and spine i of every pod the cores of group i (the source counts, and draws none of "
     "it)",
     4, dgx_superpod_h100},
    {"hgx-b300-dual-plane", "32 servers of 8 GPUs",
     "NVIDIA HGX B300: cards of 800 Gb/s as two ports of 400 on two networks",
     "each plane is wired as a SuperPOD of as many units", 4, hgx_b300_dual_plane},
    {"nvl72", "racks of 18 trays, one NVLink domain",
     "NVIDIA GB200 NVL72: 18 trays of 4 GPUs, 1.8 TB/s a GPU inside (both ways), 50 GB/s outside",
     "each rack has a leaf for each of the 4 GPUs of a tray, with 18 links up to 18 spines over "
     "all "
     "racks",
     8, nvl72},
    {"hpn7", "segments of 1 024 GPUs under 16 leafs",
     "Qian et al., Alibaba HPN: A Data Center Network for Large Language Model Training, SIGCOMM "
     "2024",
     "a pod alone; rails share the 60 spines of their plane; a link of 400 Gb/s up is two of 200",
     15, hpn7},
    {"meta-24k", "racks of 2 servers; 192 a pod",
     "Gangidi et al., RDMA over Ethernet for Distributed AI Training at Meta Scale, SIGCOMM 2024",
     "16 links up from a rack, one to each of 16 spines of its pod; 28 links up from a spine for "
     "192 "
     "down (7:1), each to a core of its own, which all pods share",
     1536, meta_24k},
};

}  // namespace detail

[[nodiscard]] inline std::span<const preset> all_presets() { return detail::presets; }

/// The preset of that name. \throws input_error  that says `where` and names all, if there is none
[[nodiscard]] inline const preset& find_preset(std::string_view name, const std::string& where) {
  std::string names;
  for (const preset& p : all_presets()) {
    if (p.name == name) return p;
    names += (names.empty() ? "" : ", ") + std::string(p.name);
  }
  throw input_error(where, "one of " + names, "\"" + std::string(name) + "\"");
}

/// The shape of a preset. \param units  0: as many as it has by itself
/// \throws input_error  if there is none of that name, or it cannot have so many units
[[nodiscard]] inline clos_shape preset_shape(std::string_view name, int units = 0) {
  const preset& p = find_preset(name, "preset");
  return p.shape(units == 0 ? p.units : units);
}

}  // namespace heddle::fabric
