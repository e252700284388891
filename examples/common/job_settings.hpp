// What a job must be told so that its routes hold, as a file for a shell to source.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
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

/// The cards of a job by host, in the order of its GPUs there: `mlx5_0,mlx5_1`; empty if one has no name.
inline std::map<std::string, std::string> cards_of(const fabric::ib_network& net,
                                                   const traffic::group& ranks,
                                                   const std::vector<std::string>& names) {
  const auto planes = static_cast<std::size_t>(net.dc.planes());
  std::map<std::string, std::vector<std::string>> lists;
  for (std::size_t r = 0; r < ranks.gpus.size(); ++r)
    for (std::size_t p = 0; p < planes; ++p) {
      std::vector<std::string>& list = lists[names[ranks.servers[r].index()]];
      const std::string& device = net.devices[ranks.gpus[r].index() * planes + p];
      if (std::find(list.begin(), list.end(), device) == list.end()) list.push_back(device);
    }
  std::map<std::string, std::string> out;
  for (const auto& [host, list] : lists) {
    std::string& text = out[host];
    if (std::find(list.begin(), list.end(), "") != list.end()) continue;
    for (const std::string& device : list) text += (text.empty() ? "" : ",") + device;
  }
  return out;
}

/// Hosts and ranks in order, and NCCL's settings: each host's cards in the order of rails, flows over the card
/// of the target's rail, no adaptive routing, and of the ways to reduce those that the routes carry.
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
  const std::map<std::string, std::string> cards = cards_of(net, ranks, names);
  const std::string first = cards.empty() ? "" : cards.begin()->second;
  if (std::all_of(cards.begin(), cards.end(), [&](const auto& c) { return c.second == first; })) {
    if (!first.empty())
      out += "export NCCL_IB_HCA=" + shell_word("=" + first) + "  # in the order of rails\n";
  } else {
    out += "case $(hostname -s) in  # each host's cards in the order of rails\n";
    for (const auto& [host, list] : cards)
      if (!list.empty())
        out += shell_word(host) + ") export NCCL_IB_HCA=" + shell_word("=" + list) + " ;;\n";
    out += "esac\n";
  }
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
  if (has(collective::ring) != has(collective::server_tree))
    out += std::string("export NCCL_ALGO=") + (has(collective::ring) ? "Ring" : "Tree") + '\n';
  if (routes->routes.lids > 1)
    out += "export HEDDLE_LIDS=" + std::to_string(routes->routes.lids) +
           "  # path bits: not for NCCL, which uses the first LID of a card\n";
  return out;
}

}  // namespace heddle::examples
