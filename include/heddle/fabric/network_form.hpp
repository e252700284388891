// In which form a text describes a network, by what stands in it.
#pragma once

#include <cstddef>
#include <string_view>

#include <heddle/core/text.hpp>
#include <heddle/fabric/read_hosts_csv.hpp>

namespace heddle::fabric {

/// A form in which networks are described.
enum class network_form : unsigned char {
  unknown,
  json,           ///< heddle's own
  topology_conf,  ///< Slurm's, and what `scontrol show topology` prints
  topology_yaml,  ///< Slurm's
  topograph,      ///< a model of NVIDIA's topograph
  hosts_csv,      ///< a table of hosts and the switches above them
  ibnetdiscover,  ///< the output of that tool
};

/// The form of a text. \param head  its beginning, some tens of KiB; O(head)
[[nodiscard]] inline network_form form_of_network(std::string_view head) {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  const auto begins = [](std::string_view line, std::string_view word) {
    return same_word(line.substr(0, word.size()), word);
  };
  while (!head.empty()) {
    const auto end = head.find('\n');
    const std::string_view line = trimmed(head.substr(0, end));
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
    if (line.starts_with("# Topology file: generated")) return network_form::ibnetdiscover;
    if (line.empty() || line.starts_with('#') || line == "---" || line.starts_with('%')) continue;
    if (line.starts_with('{')) return network_form::json;
    for (std::string_view word : {"vendid=", "devid=", "sysimgguid=", "switchguid=", "caguid="})
      if (line.starts_with(word)) return network_form::ibnetdiscover;
    for (std::string_view word : {"Switch", "Ca", "Rt"})
      if (line.starts_with(word) && line.size() > word.size() + 1 &&
          std::string_view(" \t").find(line[word.size()]) != std::string_view::npos &&
          line.find("\"", word.size()) != std::string_view::npos &&
          line.find('=') == std::string_view::npos)
        return network_form::ibnetdiscover;
    for (std::string_view word : {"SwitchName", "BlockName", "AggregatedBlock", "BlockSizes"})
      if (begins(line, word) && trimmed(line.substr(word.size())).starts_with('='))
        return network_form::topology_conf;
    for (std::string_view word : {"- topology:", "- {topology:", "- \"topology\":", "-"})
      if (line.starts_with(word) && (word != "-" || line == word))
        return network_form::topology_yaml;
    for (std::string_view word : {"switches:", "blocks:", "capacity_blocks:", "nodes:"})
      if (line.starts_with(word)) return network_form::topograph;
    if (heads_hosts_csv(line)) return network_form::hosts_csv;
    return network_form::unknown;
  }
  return network_form::unknown;
}

}  // namespace heddle::fabric
