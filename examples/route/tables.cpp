#include "route/tables.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/route/table_isolation.hpp>
#include <heddle/route/table_keeper.hpp>

#include "common/open_text.hpp"
#include "common/program.hpp"
#include "route/job_settings.hpp"

namespace heddle::examples {
namespace {

using json = nlohmann::ordered_json;

/// The network and its tables, brought together: switches as the model numbers them.
struct tables_of_network {
  fabric::ib_network net;
  fabric::lft_dump dump;
  std::vector<fabric::port_end> ends;          // by LID
  std::vector<route::card_address> addresses;  // by GPU and plane
  std::vector<std::uint32_t> row;              // of each switch of the dump: its number, or none
  std::vector<fabric::port_end> lost;          // cables that are there no more

  /// The tables by the numbers of the model.
  [[nodiscard]] fabric::forwarding by_number() const {
    fabric::forwarding t{net.wires.size(), dump.tables.lids()};
    for (std::uint32_t s = 0; s < row.size(); ++s)
      if (row[s] != fabric::port_end::none)
        for (std::uint32_t lid = 0; lid < t.lids(); ++lid)
          t.set(row[s], lid, dump.tables.port(s, lid));
    return t;
  }
  /// Puts entries into the dump.
  void put(const fabric::forwarding& t) {
    for (std::uint32_t s = 0; s < row.size(); ++s)
      if (row[s] != fabric::port_end::none)
        for (std::uint32_t lid = 0; lid < t.lids(); ++lid)
          dump.tables.set(s, lid, t.port(row[s], lid));
  }
  /// Switches that are gone have no tables.
  template <class Gone>
  void leave_out(Gone&& gone) {
    fabric::lft_dump rest{{}, dump.owners, {}};
    std::vector<std::uint32_t> kept;
    for (std::uint32_t s = 0; s < row.size(); ++s)
      if (row[s] == fabric::port_end::none || !gone(row[s])) kept.push_back(s);
    rest.tables = {static_cast<std::uint32_t>(kept.size()), dump.tables.lids()};
    for (std::uint32_t k = 0; k < kept.size(); ++k) {
      rest.switches.push_back(dump.switches[kept[k]]);
      for (std::uint32_t lid = 0; lid < dump.tables.lids(); ++lid)
        rest.tables.set(k, lid, dump.tables.port(kept[k], lid));
    }
    dump = std::move(rest);
  }
};

fabric::ib_network read_network_of(const std::string& path) {
  open_text text(path);
  return fabric::read_ib_network(text.stream(), text.name());
}
fabric::lft_dump read_tables(const std::string& path) {
  open_text text(path);
  return fabric::read_lft(text.stream(), text.name());
}

tables_of_network bring_together(const table_arguments& a) {
  tables_of_network t{a.whole.empty() ? read_network_of(a.guids) : read_network_of(a.whole),
                      read_tables(a.base),
                      {},
                      {},
                      {},
                      {}};
  std::map<std::uint64_t, std::uint32_t> number;
  for (std::uint32_t s = 0; s < t.net.switches.size(); ++s) number.emplace(t.net.switches[s], s);
  if (!a.whole.empty()) t.lost = fabric::lost_cables(t.net, read_network_of(a.guids));
  std::vector<bool> found(t.net.switches.size(), false);
  for (const fabric::lft_switch& s : t.dump.switches) {
    const auto at = number.find(s.guid);
    t.row.push_back(at == number.end() ? fabric::port_end::none : at->second);
    if (at != number.end()) found[at->second] = true;
  }
  fabric::switch_ports now = t.net.wires;
  for (const fabric::port_end& p : t.lost) now.cut(p);
  for (std::uint32_t s = 0; s < found.size(); ++s)
    if (!found[s] && !now.is_cut_off(s))
      throw input_error(a.base, "tables of every switch of " + a.guids,
                        "none of " + t.net.names[s]);
  std::map<std::uint64_t, std::pair<std::uint32_t, std::uint32_t>> lids;  // first, count
  t.ends.resize(t.dump.tables.lids());
  for (std::uint32_t lid = 0; lid < t.dump.owners.size(); ++lid) {
    const fabric::lft_owner& o = t.dump.owners[lid];
    if (o.guid == 0) continue;
    const auto [at, is_new] = lids.try_emplace(o.guid, lid, 0);
    if (at->second.first + at->second.second != lid)
      throw input_error(a.base, "the LIDs of a port one after the other", o.text);
    ++at->second.second;
    if (o.is_switch) {
      if (const auto s = number.find(o.guid); s != number.end()) t.ends[lid] = {s->second, 0};
    } else if (const auto host = t.net.hosts.find(o.guid); host != t.net.hosts.end()) {
      t.ends[lid] = host->second;
    }
  }
  for (std::uint64_t guid : t.net.cards) {
    const auto at = lids.find(guid);
    t.addresses.push_back(at == lids.end()
                              ? route::card_address{}
                              : route::card_address{at->second.first, at->second.second});
  }
  return t;
}

/// A placed job, its routes, and for which collectives they are.
struct table_job {
  const route::flow_job* job = nullptr;
  traffic::group ranks = {};
  std::vector<traffic::any_source> sources = {};
  std::string carries = {};
  std::optional<route::destination_routes> routes = {};  // of those that own links

  [[nodiscard]] route::placed_routes placed(const tables_of_network& t) const {
    return {job->id, job->where, *routes, t.addresses, t.net.dc.planes()};
  }
};

/// Every collective that routes by slot can carry, if one address is enough for all; else the job's own.
table_job compiled(const tables_of_network& t, const route::flow_job& j, const std::string& sends,
                   bool routes) {
  table_job out{.job = &j, .ranks = traffic::make_group(t.net.dc, j.where.gpus)};
  if (j.source.size() > 0) {
    out.sources.push_back(j.source);
    out.carries = sends;
  }
  if (!routes || !j.where.owns_network()) return out;
  std::vector<traffic::any_source> all = out.sources;
  for (collective c :
       {collective::ring, collective::halving_doubling, collective::all_to_all,
        collective::hierarchical_all_to_all, collective::broadcast, collective::pipeline})
    all.push_back(traffic::source_of(c, out.ranks, 1));
  route::destination_routes joint =
      route::by_destination(t.net.dc, j.where, out.ranks, all, {.most_lids = 1});
  if ((joint.complete && joint.lids == 1) || out.sources.empty()) {
    out.sources = std::move(all);
    out.carries = "all";
    out.routes = std::move(joint);
  } else {
    out.routes = route::by_destination(t.net.dc, j.where, out.ranks, out.sources);
  }
  return out;
}

std::string named(const tables_of_network& t, fabric::port_end p) {
  return t.net.names[p.at] + " port " + std::to_string(p.port);
}

std::string sentence(const tables_of_network& t, const route::table_verdict& v) {
  using kind = route::table_verdict::kind;
  const std::string other = "job " + std::to_string(v.other.value);
  switch (v.what) {
  case kind::not_reached:
    return "its GPU " + std::to_string(v.number) + " is not reached from " + t.net.names[v.at.at];
  case kind::meets:
    return "it meets " + other + " at " + named(t, v.at);
  case kind::is_met:
    return other + " uses a link of its at " + named(t, v.at);
  case kind::crowded:
    return std::to_string(v.number) + " of its flows of a phase meet at " + named(t, v.at);
  case kind::isolated:
    break;
  }
  return {};
}

int check(tables_of_network t, const std::vector<table_job>& jobs) {
  for (const fabric::port_end& p : t.lost) t.net.wires.cut(p);
  const fabric::forwarding tables = t.by_number();
  std::vector<route::running_job> running;
  for (const table_job& j : jobs) running.push_back({j.job->id, j.job->where, j.sources});
  const auto verdicts =
      route::table_isolation{t.net.dc, t.net.wires, tables, t.ends, t.addresses}(running);
  bool all = true;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    json line{{"job", verdicts[i].id.value}, {"isolated", static_cast<bool>(verdicts[i])}};
    if (!verdicts[i]) line["why"] = sentence(t, verdicts[i]);
    all = all && verdicts[i];
    std::cout << line.dump() << '\n';
  }
  return all ? done : not_met;
}

int compare(const table_arguments& a) {
  const fabric::lft_dump wanted = read_tables(a.base), got = read_tables(a.compare);
  std::map<std::uint64_t, std::uint32_t> row;
  for (std::uint32_t s = 0; s < got.switches.size(); ++s) row.emplace(got.switches[s].guid, s);
  std::size_t differences = 0;
  const auto tell = [&](const json& what) {
    if (differences++ < 100) std::cout << what.dump() << '\n';
  };
  const std::uint32_t lids = std::max(wanted.tables.lids(), got.tables.lids());
  for (std::uint32_t s = 0; s < wanted.switches.size(); ++s) {
    const auto at = row.find(wanted.switches[s].guid);
    if (at == row.end()) {
      tell({{"switch", wanted.switches[s].name}, {"missing", true}});
      continue;
    }
    for (std::uint32_t lid = 1; lid < lids; ++lid) {
      const auto port = [&](const fabric::lft_dump& d, std::uint32_t sw) {
        return lid < d.tables.lids() ? d.tables.port(sw, lid) : fabric::forwarding::none;
      };
      const int x = port(wanted, s), y = port(got, at->second);
      if (x != y)
        tell({{"switch", wanted.switches[s].name}, {"lid", lid}, {"expected", x}, {"got", y}});
    }
  }
  std::cout << json{{"differences", differences}}.dump() << '\n';
  return differences == 0 ? done : not_met;
}

/// Tables that are broken before anything is changed are not mended by guessing.
void refuse_faults(const table_arguments& a, const tables_of_network& t,
                   const route::table_keeper& keeper) {
  const auto faults = keeper.faults();
  if (faults.empty()) return;
  const fabric::forwarding_fault& f = faults.front();
  throw input_error(
      a.base,
      "tables that reach every host from every leaf, up and then down, over the cables of " +
          a.guids,
      f.message() + " (" + t.net.names[f.at] + "); " + std::to_string(faults.size()) +
          " LIDs in all");
}

int write_tables(const table_arguments& a, tables_of_network t,
                 const std::vector<table_job>& jobs) {
  const fabric::forwarding before = t.by_number();
  route::table_keeper keeper{t.net.wires, before, t.ends};
  refuse_faults(a, t, keeper);
  std::vector<json> lines(jobs.size());
  whole_files out;
  std::vector<bool> there(jobs.size(), false);
  const auto serve = [&](std::size_t i) {
    const table_job& j = jobs[i];
    const route::table_update u = keeper.arrive(t.net.dc, j.placed(t));
    lines[i] = {{"job", j.job->id.value}, {"isolated", static_cast<bool>(u)}};
    if (!u) lines[i]["why"] = u.refused;
    lines[i]["carries"] = j.carries;
    lines[i]["lids"] = j.routes->lids;
    lines[i]["method"] = name(j.routes->method);
    lines[i]["changed"] = u.changes.size();
  };
  // Those that the tables carry already come first and change nothing; then what was lost is left.
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (jobs[i].routes && keeper.has(t.net.dc, jobs[i].placed(t))) {
      there[i] = true;
      serve(i);
    }
  for (const fabric::port_end& p : t.lost) {
    const route::table_update u = keeper.cut(p);
    if (!u) throw unmet_request("without " + named(t, p) + ": " + u.refused);
    for (job_id id : u.broken)
      for (std::size_t i = 0; i < jobs.size(); ++i)
        if (jobs[i].job->id == id && !lines[i].contains("why")) {
          lines[i]["isolated"] = false;
          lines[i]["why"] = "it lost its link at " + named(t, p);
        }
  }
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (jobs[i].routes && !there[i]) serve(i);
  const bool all = std::none_of(lines.begin(), lines.end(),
                                [](const json& line) { return line.contains("why"); });
  if (!all && !a.keep_going)
    for (const json& line : lines)
      if (line.contains("why"))
        throw unmet_request("job " + line["job"].dump() + ": " + line["why"].get<std::string>());
  std::string text;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (lines[i].is_null())
      lines[i] = {{"job", jobs[i].job->id.value},
                  {"isolated", !jobs[i].ranks.crosses_leafs()},
                  {"changed", 0}};
    text += lines[i].dump() + '\n';
    if (!a.settings.empty())
      out.add((std::filesystem::path(a.settings) /
               ("job-" + std::to_string(jobs[i].job->id.value) + ".sh"))
                  .string(),
              job_settings(t.net, jobs[i].ranks, jobs[i].carries,
                           jobs[i].routes ? jobs[i].routes->lids : 1));
  }
  // A leaf all of whose GPUs are one job's sends nothing of others.
  std::vector<std::uint32_t> holder(static_cast<std::size_t>(t.net.dc.gpus()), job_id{}.value);
  for (const table_job& j : jobs)
    for (gpu_id g : j.job->where.gpus) holder[g.index()] = j.job->id.value;
  const auto intruders = keeper.intruders([&](std::uint32_t leaf, job_id who) {
    if (leaf >= t.net.wires.leafs()) return true;
    bool others = false;
    t.net.dc.for_each_gpu(leaf_id{leaf},
                          [&](gpu_id g) { others |= holder[g.index()] != who.value; });
    return others;
  });
  for (const auto& x : intruders)
    text += json{{"owner", x.owner.value},
                 {"link", named(t, x.link)},
                 {"still_carries", t.dump.owners[x.lid].text},
                 {"from", t.net.names[x.from]},
                 {"why", "no way from there that nobody owns"}}
                .dump() +
            '\n';
  std::size_t changed = 0;
  for (std::uint32_t lid = 0; lid < before.lids(); ++lid)
    for (std::uint32_t s = 0; s < before.switches(); ++s)
      changed += before.port(s, lid) != keeper.tables().port(s, lid);
  text += json{{"changed", changed}, {"still_carrying", intruders.size()}}.dump() + '\n';
  t.put(keeper.tables());
  t.leave_out([&](std::uint32_t s) { return keeper.wires().is_cut_off(s); });
  std::ostringstream tables;
  fabric::write_lft(tables, t.dump);
  if (a.out == "-") {
    out.add("-", std::move(tables).str());
  } else {
    if (std::filesystem::exists(a.out)) {
      open_text old(a.out);
      out.add(a.out + ".old", old.all());
    }
    out.add(a.out, std::move(tables).str());
    out.add("-", text);
  }
  out.commit();
  if (a.out == "-") std::cerr << text;
  return all ? done : not_met;
}

}  // namespace

int route_tables(const table_arguments& a) {
  if (!a.compare.empty()) return compare(a);
  if (a.guids.empty()) throw input_error("--guids", "the output of ibnetdiscover", "none");
  tables_of_network t = bring_together(a);
  open_text text(a.jobs);
  placed_reader<fabric::leaf_spine> placed{t.net.dc, a.otherwise};
  placed.read(text.stream(), text.name());
  std::vector<table_job> jobs;
  for (std::size_t i = 0; i < placed.jobs().size(); ++i)
    jobs.push_back(compiled(t, placed.jobs()[i], placed.sends()[i], !a.check));
  return a.check ? check(std::move(t), jobs) : write_tables(a, std::move(t), jobs);
}

}  // namespace heddle::examples
