// What a job must be told so that its routes hold, as a file for a shell to source.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/fabric/ib_network.hpp>
#include <heddle/route/carry_most.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::examples {

/// A word that a shell reads as it stands.
inline std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// What routes carry, as text: `all`, or names of collectives. \param sends  what the job is known to send
inline std::string carried(const std::string& sends, const std::vector<collective>& also) {
  if (also.size() == route::every_collective.size()) return "all";
  std::string out = sends;
  for (collective c : also)
    if (name(c) != sends) out += (out.empty() ? "" : ", ") + std::string(name(c));
  return out;
}

/// Hosts and ranks in order, and NCCL's settings: flows over the card of the target's rail, no adaptive
/// routing, and of the ways to reduce those that the routes carry.
/// \param sends  what the job is known to send; empty: nothing
/// \param routes  of a job that owns links; null: it needs none
inline std::string job_settings(const fabric::ib_network& net, const traffic::group& ranks,
                                const std::string& sends, const route::carried_routes* routes) {
  std::vector<std::string> names;
  for (const fabric::leaf_layout& l : net.found.leafs)
    for (const fabric::server_layout& s : l.servers) names.push_back(s.name);
  std::string hosts, in_order;
  for (std::size_t r = 0; r < ranks.gpus.size(); ++r) {
    const std::string& host = names[ranks.servers[r].index()];
    if (r == 0 || ranks.servers[r] != ranks.servers[r - 1])
      hosts += (hosts.empty() ? "" : ",") + host;
    const auto gpu = static_cast<std::uint32_t>(net.dc.hosts().index_in_server(ranks.gpus[r]));
    in_order += (r == 0 ? "" : " ") + host + ':' + std::to_string(gpu);
  }
  std::string out = "# to be sourced by every rank of the job\n";
  out += "export HEDDLE_HOSTS=" + shell_word(hosts) + '\n';
  out += "export HEDDLE_RANKS=" + shell_word(in_order) + "  # rank 0 first, host:GPU\n";
  out += "export NCCL_CROSS_NIC=0  # flows stay on their rail\n";
  out += "export NCCL_PXN_DISABLE=0\n";
  out += "export NCCL_IB_ADAPTIVE_ROUTING=0\n";
  out += "export NCCL_IB_SL=0\n";
  if (routes == nullptr) return out;
  const auto has = [&](collective c) {
    return sends == name(c) ||
           std::find(routes->also.begin(), routes->also.end(), c) != routes->also.end();
  };
  out += "# the routes hold for: " + carried(sends, routes->also) + '\n';
  if (has(collective::ring) != has(collective::tree))
    out += std::string("export NCCL_ALGO=") + (has(collective::ring) ? "Ring" : "Tree") + '\n';
  if (routes->routes.lids > 1)
    out += "export HEDDLE_LIDS=" + std::to_string(routes->routes.lids) +
           "  # path bits: not for NCCL, which uses the first LID of a card\n";
  return out;
}

}  // namespace heddle::examples
