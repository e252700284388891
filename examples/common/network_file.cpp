#include "common/network_file.hpp"

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/islands.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/read_hosts_csv.hpp>
#include <heddle/fabric/read_ibnetdiscover.hpp>
#include <heddle/fabric/read_topograph.hpp>
#include <heddle/fabric/read_topology_conf.hpp>
#include <heddle/fabric/read_topology_yaml.hpp>

#include "common/names.hpp"

namespace heddle::examples {

namespace {

using fabric::network_form;

constexpr named<network_form> forms[] = {
    {"json", "heddle's own cluster file", network_form::json},
    {"topology.conf", "Slurm's tree or blocks, and what scontrol show topology prints",
     network_form::topology_conf},
    {"topology.yaml", "Slurm's topologies since 25.05", network_form::topology_yaml},
    {"topograph", "a model of NVIDIA's topograph", network_form::topograph},
    {"hosts.csv", "a table of hosts and the switches above them", network_form::hosts_csv},
    {"ibnetdiscover", "the dump of an InfiniBand fabric", network_form::ibnetdiscover},
};

/// What a file that is no network looks like.
std::string likeness(std::string_view head) {
  const std::string_view line = trimmed(head.substr(0, head.find('\n')));
  if (line.find("job_id") != std::string_view::npos &&
      line.find("submit_s") != std::string_view::npos)
    return "jobs CSV, which is given as --jobs";
  if (line.find("JobID") != std::string_view::npos && line.find('|') != std::string_view::npos)
    return "the output of sacct, which is given as --jobs";
  if (line.starts_with(';')) return "a Standard Workload Format log, which is given as --jobs";
  return shown(line);
}

/// The servers of the largest islands, for people.
std::string text_of_islands(const fabric::layout& found) {
  bool any = false;
  for (const auto& leaf : found.leafs)
    for (const auto& s : leaf.servers) any |= s.gpus > 0;
  if (!any) return {};
  const fabric::ledger state{fabric::leaf_spine{found}};
  const fabric::islands& all = state.islands();
  if (all.all_joined()) return {};
  constexpr std::size_t most = 6;
  std::string out =
      "no switch joins its " + std::to_string(all.size()) + " islands, and no job spans two:";
  const auto each = static_cast<std::size_t>(std::max(1, found.cards.rails * found.cards.planes));
  for (std::size_t k = 0; k < std::min(most, all.size()); ++k) {
    const auto units = all.units(k);
    int gpus = 0;
    for (unit_id x : units) gpus += static_cast<int>(state.hosts().gpus_of(x).size());
    const auto name = [&](unit_id x) { return found.leafs[x.index() * each].name; };
    out += (k == 0 ? " " : "; ") + name(units.front());
    if (units.size() > 1) out += (units.size() == 2 ? " and " : " to ") + name(units.back());
    out += " (" + std::to_string(gpus) + " GPUs)";
  }
  if (all.size() > most) out += "; and " + std::to_string(all.size() - most) + " more";
  return out;
}

}  // namespace

void add_network_options(CLI::App& app, network_source& s, const std::string& from) {
  s.option = from;
  app.add_option(from, s.from,
                 "what the cluster's file is, else by content: " + either(lines_of(forms)));
  app.add_option("--gpus-per-server", s.gpus_per_server,
                 "GPUs of each server, where the cluster's file does not say")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--spines", s.spines,
                 "spines above each leaf, where the cluster's file does not say")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option(
         "--links-per-pair", s.links_per_pair,
         "links between a leaf and each spine above it, where the cluster's file does not say")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--topology", s.topology,
                 "of several in a topology.yaml; else the cluster's default");
}

network_form form_of(open_text& text, const network_source& s) {
  if (!s.from.empty()) return find_named(forms, s.option, s.from).value;
  const network_form form = fabric::form_of_network(text.ahead());
  if (form == network_form::unknown)
    throw input_error(text.name() + ":1", "a cluster, as " + either(lines_of(forms)),
                      likeness(text.ahead()));
  return form;
}

void check_said(const std::string& file, const network_source& s) {
  for (const auto& [option, n] : {std::pair{"--gpus-per-server", s.gpus_per_server},
                                  {"--spines", s.spines},
                                  {"--links-per-pair", s.links_per_pair}})
    if (n > 0) throw input_error(option, "nothing, since " + file + " says it", std::to_string(n));
}

named_network read_network(open_text& text, network_form form, const network_source& s) {
  named_network out;
  if (form == network_form::ibnetdiscover) {
    for (const auto& [option, n] :
         {std::pair{"--spines", s.spines}, {"--links-per-pair", s.links_per_pair}})
      if (n > 0)
        throw input_error(option, "nothing, since " + text.name() + " says all links",
                          std::to_string(n));
    if (s.gpus_per_server > 0)
      out.found = fabric::read_ibnetdiscover(text.stream(), text.name(), s.gpus_per_server);
    else
      out.found = fabric::read_ibnetdiscover(text.stream(), text.name());
    return out;
  }
  if (s.gpus_per_server == 0)
    throw input_error("--gpus-per-server",
                      "a number, since " + text.name() + " names servers alone", "none");
  fabric::switch_tree tree;
  if (form == network_form::topology_conf)
    tree = fabric::read_topology_conf_tree(text.stream(), text.name());
  else if (form == network_form::topology_yaml)
    tree = fabric::read_topology_yaml_tree(text.stream(), text.name(), s.topology);
  else if (form == network_form::hosts_csv)
    tree = fabric::read_hosts_csv_tree(text.stream(), text.name());
  else
    tree = fabric::read_topograph_tree(text.stream(), text.name());
  out.found = fabric::layout_of(
      std::move(tree), text.name(), s.gpus_per_server,
      {.links_per_pair = std::max(1, s.links_per_pair), .spines_per_leaf = s.spines});
  out.links_told = s.spines > 0 || out.found.spines.empty();
  return out;
}

void tell_notes(const std::string& file, const named_network& n) {
  for (const std::string& note : n.found.notes) std::cerr << file << ": " << note << '\n';
  if (!n.links_told)
    std::cerr
        << file
        << ": names switches, not links; they are taken to suffice (--spines says how many)\n";
  if (const std::string islands = text_of_islands(n.found); !islands.empty())
    std::cerr << file << ": " << islands << '\n';
}

}  // namespace heddle::examples
