// Networks as Slurm's topology.conf.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/fabric/layout.hpp>

#include "common/program.hpp"

namespace heddle::examples {

namespace detail {

/// Names as a host list: runs of numbers of one width in brackets.
inline std::string host_list(const std::vector<std::string>& names) {
  std::string out, stem;
  std::string first, last;
  const auto close = [&] {
    if (first.empty()) return;
    if (!out.empty()) out += ',';
    out += first == last ? stem + first : stem + '[' + first + '-' + last + ']';
    first.clear();
  };
  for (const std::string& n : names) {
    std::size_t digits = n.size();
    while (digits > 0 && n[digits - 1] >= '0' && n[digits - 1] <= '9' && n.size() - digits < 9)
      --digits;
    const std::string head = n.substr(0, digits), number = n.substr(digits);
    if (number.empty()) {
      close();
      out += (out.empty() ? "" : ",") + n;
      continue;
    }
    const auto next = [&] {
      std::string s = std::to_string(std::stoul(last) + 1);
      return s.size() < last.size() ? std::string(last.size() - s.size(), '0') + s : s;
    };
    if (!first.empty() && head == stem && number == next()) {
      last = number;
      continue;
    }
    close();
    stem = head;
    first = last = number;
  }
  close();
  return out;
}

/// "spine1/0" is one of those that the switch spine1 stands for.
inline std::string without_number(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(0, slash);
}

}  // namespace detail

/// The text of a topology.conf that says which hosts are near each other: units are leafs, upper switches
/// that reach the same are one. How many there are, and links, it cannot say; a comment does.
/// \throws unmet_request  if switches do not nest as in a tree
inline std::string slurm_text(const fabric::layout& l, const std::string& file) {
  using detail::host_list;
  const auto each = static_cast<std::size_t>(l.cards.rails * l.cards.planes);
  std::string out;
  std::set<std::string> taken;
  const auto unique = [&](std::string name) {
    while (!taken.insert(name).second) name += "'";
    return name;
  };
  std::vector<std::string> units;
  int gpus = 0;
  bool even = true;
  for (std::size_t u = 0; u * each < l.leafs.size(); ++u) {
    const fabric::leaf_layout& leaf = l.leafs[u * each];
    units.push_back(unique(leaf.name));
    std::vector<std::string> hosts;
    for (const auto& s : leaf.servers) {
      hosts.push_back(s.name);
      even &= gpus == 0 || gpus == s.gpus;
      gpus = s.gpus;
    }
    out +=
        "SwitchName=" + units.back() + (hosts.empty() ? "" : " Nodes=" + host_list(hosts)) + "\n";
  }
  if (!even)
    throw unmet_request(file + ": topology.conf is written for servers of the same number of GPUs");

  // Spines that reach the same units are one switch.
  using unit_set = std::set<std::size_t>;
  std::map<unit_set, std::pair<std::string, std::size_t>> spines;  // and how many of them
  std::map<std::size_t, unit_set> reach;
  std::vector<unit_set> order;
  int lanes = 0;
  for (std::size_t s = 0; s < l.spines.size(); ++s) {
    unit_set here;
    for (std::size_t k = 0; k < l.leafs.size(); ++k)
      if (l.leafs[k].links[s] > 0) {
        here.insert(k / each);
        lanes = std::max(lanes, l.leafs[k].links[s]);
      }
    reach[s] = here;
    if (here.empty()) continue;
    const auto [at, is_new] = spines.try_emplace(here, "", 0);
    if (is_new) {
      at->second.first = unique(detail::without_number(l.spines[s]));
      order.push_back(here);
    }
    ++at->second.second;
  }
  std::set<std::size_t> covered;
  std::size_t most = 0;
  for (const unit_set& here : order) {
    most = std::max(most, spines[here].second);
    std::vector<std::string> names;
    for (std::size_t u : here) {
      if (!covered.insert(u).second)
        throw unmet_request(file + ": topology.conf cannot say that " + units[u] +
                            " is below switches that reach different leafs");
      names.push_back(units[u]);
    }
    out += "SwitchName=" + spines[here].first + " Switches=" + host_list(names) + "\n";
  }
  // So are cores.
  std::map<std::set<std::string>, std::string> cores;
  for (std::size_t c = 0; c < l.cores.size(); ++c) {
    std::set<std::string> below;
    for (std::size_t s = 0; s < l.spines.size(); ++s)
      if (l.core_links[s][c] > 0 && !reach[s].empty()) below.insert(spines[reach[s]].first);
    if (below.size() > 1) cores.try_emplace(below, detail::without_number(l.cores[c]));
  }
  std::set<std::string> under;
  for (const auto& [below, name] : cores) {
    for (const std::string& s : below)
      if (!under.insert(s).second)
        throw unmet_request(file + ": topology.conf cannot say that " + s +
                            " is below cores that reach different spines");
    out += "SwitchName=" + unique(name) +
           " Switches=" + host_list(std::vector<std::string>(below.begin(), below.end())) + "\n";
  }
  std::string head = "# read by heddle with --gpus-per-server " + std::to_string(gpus);
  if (!order.empty())
    head += " --spines " + std::to_string(most) + " --links-per-pair " +
            std::to_string(std::max(1, lanes));
  return head + "\n" + out;
}

}  // namespace heddle::examples
