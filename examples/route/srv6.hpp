// Routes of placed jobs for SRv6: the sender names the spine.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::examples {

/// IPv6 addresses by number: `prefix`:0:p::g is GPU g's card in plane p, `prefix`:1::s spine s, `prefix`:2::c
/// core c.
struct srv6_addresses {
  std::string prefix = "fd00:6864";

  [[nodiscard]] std::string card(std::uint32_t gpu, int plane) const {
    return text(":0:%x::%x", static_cast<std::uint32_t>(plane), gpu);
  }
  [[nodiscard]] std::string spine(std::uint32_t s) const { return text(":1:0::%x", s); }
  [[nodiscard]] std::string core(std::uint32_t c) const { return text(":2:0::%x", c); }

 private:
  template <class... N>
  [[nodiscard]] std::string text(const char* format, N... numbers) const {
    char out[48];
    std::snprintf(out, sizeof out, format, numbers...);
    return prefix + out;
  }
};

/// A script `NAME apply|remove NODE` of a job's host routes: node `gpu<g>` is the host of GPU g. The sender
/// puts the spine, between pods spine, core and spine, before the destination; `DEV` is its card, `dev`
/// by default eth0. Without a lane: between two switches one link.
inline std::string srv6_script(const fabric::leaf_spine& dc, const fabric::placement& where,
                               const traffic::group& ranks, const traffic::any_source& source,
                               const srv6_addresses& to) {
  const route::static_table table{dc, ranks, route::owned{dc, where}, source};
  std::map<std::uint32_t, std::set<std::pair<std::string, std::string>>> of_gpu;
  for (const route::static_table::row& r : table.rows()) {
    std::string segments = to.spine(r.way.spine.value);
    if (r.way.core.valid())
      segments += "," + to.core(r.way.core.value) + "," + to.spine(r.way.down_spine.value);
    const std::uint32_t entry = ranks.entry(r.source, r.target);
    of_gpu[ranks.gpus[entry].value].emplace(to.card(ranks.gpus[r.target].value, r.plane), segments);
  }
  std::string out = "#!/bin/sh\n# apply|remove gpu<N>: routes of one job's host; DEV is its card, "
                    "VIA its leaf\nset -e\n"
                    "one() {\n"
                    "  if [ \"$verb\" = apply ]; then\n"
                    "    ip -6 route replace \"$1\"/128 encap seg6 mode inline segs \"$2\" via "
                    "\"$VIA\" dev \"${DEV:-eth0}\"\n"
                    "  else\n    ip -6 route del \"$1\"/128 encap seg6 mode inline segs \"$2\" via "
                    "\"$VIA\" dev \"${DEV:-eth0}\"\n  fi\n}\n"
                    "verb=$1\ncase $2 in\n";
  for (const auto& [gpu, list] : of_gpu) {
    out += "gpu" + std::to_string(gpu) + ")\n";
    for (const auto& [destination, segments] : list)
      out += "  one " + destination + ' ' + segments + '\n';
    out += "  ;;\n";
  }
  return out + "esac\n";
}

/// A script `NAME apply|remove NODE` of what spines and cores do at their own addresses: go on to the next.
inline std::string srv6_ends(const fabric::leaf_spine& dc, const srv6_addresses& to) {
  std::string out =
      "#!/bin/sh\n# apply|remove spine<N>|core<N>: the End route of a switch; DEV is any port of "
      "its\nset -e\n"
      "one() {\n"
      "  if [ \"$verb\" = apply ]; then\n"
      "    ip -6 route replace \"$1\"/128 encap seg6local action End dev \"${DEV:-eth0}\"\n"
      "  else\n    ip -6 route del \"$1\"/128\n  fi\n}\n"
      "verb=$1\ncase $2 in\n";
  for (int s = 0; s < dc.spines(); ++s)
    out +=
        "spine" + std::to_string(s) + ") one " + to.spine(static_cast<std::uint32_t>(s)) + " ;;\n";
  for (int c = 0; c < dc.cores(); ++c)
    out += "core" + std::to_string(c) + ") one " + to.core(static_cast<std::uint32_t>(c)) + " ;;\n";
  return out + "esac\n";
}

}  // namespace heddle::examples
