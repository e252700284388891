#include "common/clos_json.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/presets.hpp>

namespace heddle::examples {

namespace {

constexpr std::string_view new_keys[] = {"units",  "servers_per_unit",     "rails",
                                         "planes", "cards_per_server",     "domain_servers",
                                         "tiers",  "leafs_per_pod",        "spines_per_pod",
                                         "cores",  "core_links_per_spine", "gpu_types",
                                         "preset"};

/// One of two spellings of a key; an error if both stand there.
std::string spelling(const json_file& f, const char* now, const char* before) {
  if (f.find({now}) && f.find({before}))
    f.fail({before}, std::string(now) + " or " + before, "both");
  return f.find({before}) ? before : now;
}

int count(const json_file& f, const std::string& key, int least, int otherwise) {
  if (otherwise >= 0 && !f.find({key})) return otherwise;
  return f.integer({key}, key + " as a whole number of at least " + std::to_string(least), least,
                   1 << 28);
}
double speed(const json_file& f, const char* key, double otherwise) {
  if (!f.find({key})) return otherwise;
  return f.number({key}, std::string(key) + " as a positive number of Gb/s", 1e-9, 1e12);
}

/// An array of names, or nothing.
void read_array(const json_file& f, const json_path& at, std::size_t wanted,
                std::vector<std::string>& into) {
  const nlohmann::json* v = f.find(at);
  if (!v) return;
  if (!v->is_array() || v->size() != wanted) f.fail(at, std::to_string(wanted) + " names");
  into.clear();
  for (std::size_t i = 0; i < v->size(); ++i) {
    json_path one = at;
    one.emplace_back(i);
    into.push_back(f.text(one, "a name"));
  }
}

/// [[upper, count], …] of one lower switch.
std::vector<int> read_links(const json_file& f, const json_path& at, std::size_t upper) {
  std::vector<int> out(upper, 0);
  const nlohmann::json* v = f.find(at);
  if (!v) return out;
  if (!v->is_array()) f.fail(at, "links as [[switch above, number], ...]");
  for (std::size_t i = 0; i < v->size(); ++i) {
    json_path pair = at;
    pair.emplace_back(i);
    const nlohmann::json* p = f.find(pair);
    if (!p->is_array() || p->size() != 2) f.fail(pair, "[switch above, number]");
    json_path first = pair, second = pair;
    first.emplace_back(std::size_t{0});
    second.emplace_back(std::size_t{1});
    if (upper == 0) f.fail(pair, "no links, since there is no switch above");
    const int to = f.integer(first, "a switch above, from 0 to " + std::to_string(upper - 1), 0,
                             static_cast<int>(upper) - 1);
    if (out[static_cast<std::size_t>(to)] > 0) f.fail(pair, "each switch above once");
    out[static_cast<std::size_t>(to)] =
        f.integer(second, "a number of links of at least 1", 1, 1 << 20);
  }
  return out;
}

nlohmann::ordered_json links_json(const std::vector<int>& links) {
  auto out = nlohmann::ordered_json::array();
  for (std::size_t s = 0; s < links.size(); ++s)
    if (links[s] > 0) out.push_back({s, links[s]});
  return out;
}

bool same_links(const fabric::tier_links& a, const fabric::tier_links& b) {
  if (a.lower() != b.lower() || a.upper() != b.upper()) return false;
  for (std::size_t l = 0; l < static_cast<std::size_t>(a.lower()); ++l)
    for (std::size_t u = 0; u < static_cast<std::size_t>(a.upper()); ++u)
      if (a.between(l, u) != b.between(l, u)) return false;
  return true;
}
fabric::tier_links up_links(const fabric::layout& l) {
  std::vector<int> counts;
  for (const auto& leaf : l.leafs)
    counts.insert(counts.end(), leaf.links.begin(), leaf.links.end());
  return {static_cast<int>(l.leafs.size()), static_cast<int>(l.spines.size()), std::move(counts)};
}
fabric::tier_links core_links(const fabric::layout& l) {
  if (l.cores.empty()) return {};
  std::vector<int> counts;
  for (const auto& row : l.core_links) counts.insert(counts.end(), row.begin(), row.end());
  return {static_cast<int>(l.spines.size()), static_cast<int>(l.cores.size()), std::move(counts)};
}

/// The shape that a network has if it is regular; whether it is, its parts say.
fabric::clos_shape guess(const fabric::layout& l) {
  const auto each = static_cast<std::size_t>(l.cards.rails * l.cards.planes);
  fabric::clos_shape s{.units = static_cast<int>(l.leafs.size() / each),
                       .servers_per_unit = static_cast<int>(l.leafs[0].servers.size()),
                       .gpus_per_server = 0,
                       .cards = l.cards,
                       .spines = static_cast<int>(l.spines.size()),
                       .links_per_pair = 1,
                       .link_gbps = l.link_gbps,
                       .server_gbps = l.server_gbps};
  if (s.servers_per_unit == 0) return s;
  s.gpus_per_server = l.leafs[0].servers[0].gpus;
  for (std::size_t i = 1; i < l.leafs[0].servers.size() && l.leafs[0].servers[i].joins; ++i)
    ++s.domain_servers;
  for (int n : l.leafs[0].links) s.links_per_pair = std::max(s.links_per_pair, n);
  if (l.cores.empty()) return s;
  s.pods = 1;
  for (std::size_t x = each; x < l.leafs.size(); x += each)
    s.pods += l.leafs[x].links != l.leafs[x - each].links;
  s.spines /= s.pods;
  s.cores = static_cast<int>(l.cores.size());
  for (int n : l.core_links[0]) s.core_links_per_spine += n;
  return s;
}

bool is_of_shape(const fabric::layout& l, const fabric::clos_shape& s) {
  if (s.servers_per_unit < 1 || s.gpus_per_server < 1) return false;
  try {
    const fabric::clos_parts p = fabric::parts_of(s);
    return fabric::leaf_spine{l}.hosts() == fabric::leaf_spine{p}.hosts() &&
           same_links(up_links(l), p.up) && same_links(core_links(l), p.core);
  } catch (const input_error&) {
    return false;
  }
}

}  // namespace

bool has_clos_keys(const json_file& f) {
  return std::any_of(std::begin(new_keys), std::end(new_keys),
                     [&](std::string_view key) { return f.find({std::string(key)}) != nullptr; });
}

namespace {
/// A preset of so many units, of which the file may change other numbers.
fabric::clos_shape read_preset(const json_file& f) {
  std::string names;
  for (const fabric::preset& p : fabric::all_presets())
    names += (names.empty() ? "" : ", ") + std::string(p.name);
  const std::string name = f.text({"preset"}, "one of " + names + " as preset");
  const auto all = fabric::all_presets();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const fabric::preset& p) { return p.name == name; });
  if (known == all.end()) f.fail({"preset"}, "one of " + names + " as preset");
  fabric::clos_shape s;
  try {
    s = fabric::preset_shape(name, count(f, "units", 1, 0));
  } catch (const input_error& e) {
    f.fail({f.find({"units"}) ? "units" : "preset"}, e.expected() + " of " + name);
  }
  const auto change = [&](const char* key, int least, int& number) {
    number = count(f, key, least, number);
  };
  change("rails", 1, s.cards.rails);
  change("planes", 1, s.cards.planes);
  if (f.find({"cards_per_server"})) change("cards_per_server", 1, s.cards.cards_per_server);
  change("domain_servers", 1, s.domain_servers);
  change("gpus_per_server", 1, s.gpus_per_server);
  change("servers_per_unit", 1, s.servers_per_unit);
  change("links_per_pair", 1, s.links_per_pair);
  change("pods", 0, s.pods);
  change(s.pods > 0 ? "spines_per_pod" : "spines", 0, s.spines);
  change("cores", 0, s.cores);
  change("core_links_per_spine", 0, s.core_links_per_spine);
  s.link_gbps = speed(f, "link_gbps", s.link_gbps);
  s.server_gbps = speed(f, "server_gbps", s.server_gbps);
  return s;
}

}  // namespace

std::vector<std::uint16_t> read_types_of_servers(const json_file& f, int units,
                                                 int servers_per_unit) {
  const nlohmann::json* types = f.find({"gpu_types"});
  if (!types) return {};
  if (!types->is_array() || types->empty() || types->size() >= most_gpu_types)
    f.fail({"gpu_types"}, "a list of 1 to " + std::to_string(most_gpu_types - 1) + " GPU types");
  if (1.0 * units * servers_per_unit > 1 << 28) return {};  // more than there may be
  std::vector<std::uint16_t> out(
      static_cast<std::size_t>(units) * static_cast<std::size_t>(servers_per_unit), 0);
  for (std::size_t i = 0; i < types->size(); ++i) {
    const bool by_server = f.find({"gpu_types", i, "servers"}) != nullptr;
    const char* key = by_server ? "servers" : "units";
    const json_path parts{"gpu_types", i, key};
    if (by_server && f.find({"gpu_types", i, "units"})) f.fail(parts, "units or servers", "both");
    const nlohmann::json* v = f.find(parts);
    if (!v || !v->is_array() || v->size() != 2)
      f.fail(parts, "[first, last] as " + std::string(key));
    const int each = by_server ? 1 : servers_per_unit,
              most = by_server ? units * servers_per_unit : units;
    const std::string range =
        (by_server ? "a server from 0 to " : "a unit from 0 to ") + std::to_string(most - 1);
    const int first = f.integer({"gpu_types", i, key, std::size_t{0}}, range, 0, most - 1);
    const int last = f.integer({"gpu_types", i, key, std::size_t{1}}, range, first, most - 1);
    std::fill(out.begin() + first * each, out.begin() + (last + 1) * each,
              static_cast<std::uint16_t>(i + 1));
  }
  return out;
}

fabric::clos_shape read_clos_shape(const json_file& f) {
  if (f.find({"preset"})) return read_preset(f);
  fabric::clos_shape s;
  const int tiers = count(f, "tiers", 2, 2);
  if (tiers > 3) f.fail({"tiers"}, "2 or 3 tiers");
  s.cards.rails = count(f, "rails", 1, 1);
  s.cards.planes = count(f, "planes", 1, 1);
  s.cards.cards_per_server = count(f, "cards_per_server", 1, 0);
  s.domain_servers = count(f, "domain_servers", 1, 1);
  s.gpus_per_server = count(f, "gpus_per_server", 1, -1);
  s.servers_per_unit = count(f, spelling(f, "servers_per_unit", "servers_per_leaf"), 1, -1);
  s.links_per_pair = count(f, "links_per_pair", 1, 1);
  s.link_gbps = speed(f, "link_gbps", 100);
  s.server_gbps = speed(f, "server_gbps", 1000);
  const int of_unit = s.cards.rails * s.cards.planes;
  if (tiers == 3) {
    for (const char* key : {"leafs", "spines", "units"})
      if (f.find({key}))
        f.fail({key}, "leafs_per_pod and spines_per_pod in three tiers", std::string(key));
    s.pods = count(f, "pods", 1, -1);
    const int leafs = count(f, "leafs_per_pod", 1, -1);
    if (leafs % of_unit != 0)
      f.fail({"leafs_per_pod"},
             "leafs_per_pod as a multiple of the " + std::to_string(of_unit) + " leafs of a unit");
    s.units = s.pods * (leafs / of_unit);
    s.spines = count(f, "spines_per_pod", 1, -1);
    s.cores = count(f, "cores", 1, -1);
    s.core_links_per_spine = count(f, "core_links_per_spine", 1, -1);
  } else {
    for (const char* key :
         {"pods", "leafs_per_pod", "spines_per_pod", "cores", "core_links_per_spine"})
      if (f.find({key})) f.fail({key}, "\"tiers\": 3 beside " + std::string(key), "two tiers");
    s.spines = count(f, "spines", 0, -1);
    if (spelling(f, "units", "leafs") == "units") {
      s.units = count(f, "units", 1, -1);
    } else {
      const int leafs = count(f, "leafs", 1, -1);
      if (leafs % of_unit != 0)
        f.fail({"leafs"},
               "leafs as a multiple of the " + std::to_string(of_unit) + " leafs of a unit");
      s.units = leafs / of_unit;
    }
  }
  s.type_of_server = read_types_of_servers(f, s.units, s.servers_per_unit);
  return s;
}

bool has_layout(const json_file& f) { return f.find({"layout"}) != nullptr; }

fabric::layout read_layout(const json_file& f) {
  fabric::layout out{.link_gbps = speed(f, "link_gbps", 100),
                     .server_gbps = speed(f, "server_gbps", 1000)};
  if (!f.find({"layout"})->is_object()) f.fail({"layout"}, "an object as layout");
  const auto number = [&](const char* key, int least, int otherwise) {
    if (!f.find({"layout", key})) return otherwise;
    return f.integer({"layout", key}, std::string(key) + " of at least " + std::to_string(least),
                     least, 1 << 20);
  };
  out.cards = {number("rails", 1, 1), number("planes", 1, 1), number("cards_per_server", 1, 0)};
  const auto names = [&](const char* key, std::vector<std::string>& into) {
    const nlohmann::json* v = f.find({"layout", key});
    if (v && !v->is_array()) f.fail({"layout", key}, std::string(key) + " as a list of names");
    read_array(f, {"layout", key}, v ? v->size() : 0, into);
  };
  names("spines", out.spines);
  names("cores", out.cores);
  const nlohmann::json* leafs = f.find({"layout", "leafs"});
  if (!leafs || !leafs->is_array() || leafs->empty())
    f.fail({"layout", "leafs"}, "a list of leafs");
  for (std::size_t l = 0; l < leafs->size(); ++l) {
    f.only({"layout", "leafs", l}, {"name", "servers", "links"});
    fabric::leaf_layout leaf{.name = f.text({"layout", "leafs", l, "name"}, "the name of a leaf"),
                             .servers = {},
                             .links = {}};
    if (const nlohmann::json* servers = f.find({"layout", "leafs", l, "servers"})) {
      if (!servers->is_array()) f.fail({"layout", "leafs", l, "servers"}, "a list of servers");
      for (std::size_t s = 0; s < servers->size(); ++s) {
        const auto of = [&](const char* key) {
          return json_path{"layout", "leafs", l, "servers", s, key};
        };
        f.only({"layout", "leafs", l, "servers", s}, {"name", "gpus", "joins"});
        const nlohmann::json* joins = f.find(of("joins"));
        if (joins && !joins->is_boolean()) f.fail(of("joins"), "true or false as joins");
        leaf.servers.push_back({f.text(of("name"), "the name of a server"),
                                f.integer(of("gpus"), "gpus of at least 0", 0, 1 << 20),
                                joins && joins->get<bool>()});
      }
    }
    leaf.links = read_links(f, {"layout", "leafs", l, "links"}, out.spines.size());
    out.leafs.push_back(std::move(leaf));
  }
  if (!out.cores.empty()) {
    const nlohmann::json* rows = f.find({"layout", "core_links"});
    if (!rows || !rows->is_array() || rows->size() != out.spines.size())
      f.fail({"layout", "core_links"},
             "links to cores of " + std::to_string(out.spines.size()) + " spines");
    for (std::size_t s = 0; s < rows->size(); ++s)
      out.core_links.push_back(read_links(f, {"layout", "core_links", s}, out.cores.size()));
  }
  return out;
}

nlohmann::ordered_json json_of(const fabric::layout& l) {
  nlohmann::ordered_json out{{"fabric", "leaf_spine"}};
  const fabric::clos_shape s = guess(l);
  if (is_of_shape(l, s)) {
    const bool plain =
        s.cards == fabric::rail_shape{} && s.domain_servers == 1 && s.pods == 0 && s.spines > 0;
    const int of_unit = s.cards.rails * s.cards.planes;
    if (s.pods > 0) {
      out["tiers"] = 3;
      out["pods"] = s.pods;
      out["leafs_per_pod"] = s.units / s.pods * of_unit;
      out["spines_per_pod"] = s.spines;
      out["cores"] = s.cores;
      out["core_links_per_spine"] = s.core_links_per_spine;
    } else {
      out[plain ? "leafs" : "units"] = s.units;
      out["spines"] = s.spines;
    }
    out["links_per_pair"] = s.links_per_pair;
    out[plain ? "servers_per_leaf" : "servers_per_unit"] = s.servers_per_unit;
    out["gpus_per_server"] = s.gpus_per_server;
    if (s.cards.rails > 1) out["rails"] = s.cards.rails;
    if (s.cards.planes > 1) out["planes"] = s.cards.planes;
    if (s.cards.cards_per_server > 0) out["cards_per_server"] = s.cards.cards_per_server;
    if (s.domain_servers > 1) out["domain_servers"] = s.domain_servers;
  }
  out["link_gbps"] = l.link_gbps;
  out["server_gbps"] = l.server_gbps;
  auto servers = nlohmann::ordered_json::array(), leafs = nlohmann::ordered_json::array();
  if (out.contains("gpus_per_server")) {
    for (const auto& leaf : l.leafs) {
      leafs.push_back(leaf.name);
      for (const auto& one : leaf.servers) servers.push_back(one.name);
    }
    out["names"] = {{"leafs", leafs}, {"spines", l.spines}, {"servers", servers}};
    if (!l.cores.empty()) out["names"]["cores"] = l.cores;
    return out;
  }
  for (const auto& leaf : l.leafs) {
    servers = nlohmann::ordered_json::array();
    for (const auto& one : leaf.servers) {
      servers.push_back({{"name", one.name}, {"gpus", one.gpus}});
      if (one.joins) servers.back()["joins"] = true;
    }
    leafs.push_back({{"name", leaf.name}, {"servers", servers}, {"links", links_json(leaf.links)}});
  }
  nlohmann::ordered_json& parts = out["layout"];
  if (l.cards.rails > 1) parts["rails"] = l.cards.rails;
  if (l.cards.planes > 1) parts["planes"] = l.cards.planes;
  if (l.cards.cards_per_server > 0) parts["cards_per_server"] = l.cards.cards_per_server;
  parts["leafs"] = std::move(leafs);
  parts["spines"] = l.spines;
  if (!l.cores.empty()) {
    parts["cores"] = l.cores;
    auto rows = nlohmann::ordered_json::array();
    for (const auto& row : l.core_links) rows.push_back(links_json(row));
    parts["core_links"] = std::move(rows);
  }
  return out;
}

fabric::layout layout_of(const json_file& f, const fabric::leaf_spine& dc) {
  fabric::layout out{.link_gbps = dc.link_gbps(), .server_gbps = dc.server_gbps()};
  const auto numbered = [](const char* what, std::size_t n) { return what + std::to_string(n); };
  const int cards = f.find({"cards_per_server"}) ? count(f, "cards_per_server", 1, 0) : 0;
  out.cards = {dc.rails(), dc.planes(), cards};
  std::vector<std::string> leafs, servers;
  for (std::size_t l = 0; l < static_cast<std::size_t>(dc.leafs()); ++l)
    leafs.push_back(numbered("leaf", l));
  for (std::size_t s = 0; s < static_cast<std::size_t>(dc.servers()); ++s)
    servers.push_back(numbered("node", s));
  for (std::size_t s = 0; s < static_cast<std::size_t>(dc.spines()); ++s)
    out.spines.push_back(numbered("spine", s));
  for (std::size_t c = 0; c < static_cast<std::size_t>(dc.cores()); ++c)
    out.cores.push_back(numbered("core", c));
  read_array(f, {"names", "leafs"}, leafs.size(), leafs);
  read_array(f, {"names", "servers"}, servers.size(), servers);
  read_array(f, {"names", "spines"}, out.spines.size(), out.spines);
  read_array(f, {"names", "cores"}, out.cores.size(), out.cores);
  for (leaf_id l : dc.all_leafs()) {
    fabric::leaf_layout leaf{.name = leafs[l.index()], .servers = {}, .links = {}};
    const unit_id x = dc.unit_of(l);
    if (dc.leafs_of(x).front() == l)
      for (server_id s : dc.servers_of(x)) {
        const auto domain = dc.hosts().servers_of(dc.hosts().domain_of(s));
        leaf.servers.push_back(
            {servers[s.index()], static_cast<int>(dc.gpus_of(s).size()), domain.front() != s});
      }
    for (spine_id s : dc.all_spines()) leaf.links.push_back(dc.links(l, s));
    out.leafs.push_back(std::move(leaf));
  }
  if (dc.cores() > 0)
    for (spine_id s : dc.all_spines()) {
      out.core_links.emplace_back();
      for (std::size_t c = 0; c < out.cores.size(); ++c)
        out.core_links.back().push_back(dc.core_links().between(s.index(), c));
    }
  return out;
}

}  // namespace heddle::examples
