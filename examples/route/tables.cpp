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
#include <heddle/fabric/ib_tables.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/route/bring_tables.hpp>
#include <heddle/route/carry_most.hpp>
#include <heddle/route/table_isolation.hpp>
#include <heddle/route/table_keeper.hpp>
#include <heddle/traffic/all_to_all.hpp>

#include "common/job_settings.hpp"
#include "common/open_text.hpp"
#include "common/program.hpp"

namespace heddle::examples {
namespace {

using json = nlohmann::ordered_json;

fabric::ib_network read_network_of(const std::string& path) {
  open_text text(path);
  return fabric::read_ib_network(text.stream(), text.name());
}
fabric::lft_dump read_tables(const std::string& path) {
  open_text text(path);
  return fabric::read_lft(text.stream(), text.name());
}

/// The network as jobs were placed on it, what it has lost since, and the tables in force.
struct tables_of_network {
  explicit tables_of_network(const table_arguments& a)
      : net(read_network_of(a.whole.empty() ? a.guids : a.whole)),
        lost(a.whole.empty() ? std::vector<fabric::port_end>{}
                             : fabric::lost_cables(net, read_network_of(a.guids))),
        tables(net, read_tables(a.base), a.base, lost) {}

  fabric::ib_network net;
  std::vector<fabric::port_end> lost;
  fabric::ib_tables tables;
};

/// The first card of a job that the tables do not know: what keeps it from being routed.
std::optional<std::string> without_lid(const tables_of_network& t, const route::flow_job& j) {
  const auto planes = static_cast<std::size_t>(t.net.dc.planes());
  for (gpu_id g : j.where.gpus)
    for (std::size_t p = 0; p < planes; ++p) {
      const std::size_t at = g.index() * planes + p;
      if (t.tables.addresses()[at].first != 0) continue;
      std::ostringstream out;
      out << "the tables have no LID of its GPU " << g.value << " under "
          << t.net.found.leafs[t.net.dc.leaf_of(g, static_cast<int>(p)).index()].name
          << ", portguid 0x" << std::hex << t.net.cards[at];
      return out.str();
    }
  return std::nullopt;
}

/// A placed job, its routes, and for which collectives they are.
struct table_job {
  const route::flow_job* job = nullptr;
  traffic::group ranks = {};
  std::string sends = {};
  route::carried_routes routes = {};

  [[nodiscard]] route::placed_routes placed(const tables_of_network& t) const {
    return {job->id, job->where, routes.routes, t.tables.addresses(), t.net.dc.planes()};
  }
};

/// \param routes  whether the job is to be routed, or only looked at
table_job compiled(const tables_of_network& t, const route::flow_job& j, const std::string& sends,
                   bool routes) {
  table_job out{.job = &j, .ranks = traffic::make_group(t.net.dc, j.where.gpus)};
  std::vector<traffic::any_source> must;
  if (j.source.size() > 0) {
    must.push_back(j.source);
    out.sends = sends;
  }
  if (routes && j.where.owns_network())
    out.routes = route::carry_most(t.net.dc, j.where, out.ranks, std::move(must));
  else
    out.routes.sources = std::move(must);
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
  const fabric::forwarding tables = t.tables.by_number();
  // Where it is not known what a job sends, every card of it may send to every other.
  std::vector<std::vector<traffic::any_source>> sources;
  sources.reserve(jobs.size());
  std::vector<route::running_job> running;
  for (const table_job& j : jobs) {
    sources.push_back(j.routes.sources);
    if (j.sends.empty()) sources.back() = {traffic::all_to_all{j.ranks, 1}};
    running.push_back({j.job->id, j.job->where, sources.back(), !j.sends.empty()});
  }
  const auto verdicts = route::table_isolation{t.net.dc, t.net.wires, tables, t.tables.ends(),
                                               t.tables.addresses()}(running);
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
  const auto found = fabric::differences(read_tables(a.base), read_tables(a.compare));
  for (std::size_t i = 0; i < found.size() && i < 100; ++i) {
    const fabric::lft_difference& d = found[i];
    json line{{"switch", d.at}};
    if (d.got < 0)
      line["missing"] = true;
    else
      line.update({{"lid", d.lid}, {"expected", d.expected}, {"got", d.got}});
    std::cout << line.dump() << '\n';
  }
  std::cout << json{{"differences", found.size()}}.dump() << '\n';
  return found.empty() ? done : not_met;
}

/// Tables that are broken before anything is changed are not mended by guessing.
void refuse_faults(const table_arguments& a, const tables_of_network& t,
                   const fabric::forwarding& before) {
  const auto faults = route::lasting_faults(t.net.wires, before, t.tables.ends(), t.lost);
  if (faults.empty()) return;
  const fabric::forwarding_fault& f = faults.front();
  throw input_error(
      a.base,
      "tables that reach every host from every leaf, up and then down, over the cables of " +
          a.guids,
      f.message() + " (" + t.net.names[f.at] + "); " + std::to_string(faults.size()) +
          " LIDs in all");
}

int write_tables(const table_arguments& a, const tables_of_network& t,
                 const std::vector<table_job>& jobs) {
  const fabric::forwarding before = t.tables.by_number();
  refuse_faults(a, t, before);
  route::table_keeper keeper{t.net.wires, before, t.tables.ends()};
  std::vector<route::placed_routes> placed;
  std::vector<std::size_t> number;  // of each of them among the jobs
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (jobs[i].job->where.owns_network()) {
      placed.push_back(jobs[i].placed(t));
      number.push_back(i);
    }
  const auto brought = route::bring_tables(t.net.dc, keeper, placed, t.lost);
  std::vector<json> lines(jobs.size());
  bool all = true;
  for (std::size_t k = 0; k < brought.size(); ++k) {
    const table_job& j = jobs[number[k]];
    const route::brought_job& b = brought[k];
    const std::string why = b.lost.valid() ? "it lost its link at " + named(t, b.lost)
                                           : without_lid(t, *j.job).value_or(b.why);
    if (!b && !a.keep_going)
      throw unmet_request("job " + std::to_string(j.job->id.value) + ": " + why);
    json& line = lines[number[k]] = {{"job", j.job->id.value}, {"isolated", static_cast<bool>(b)}};
    if (!b) line["why"] = why;
    line["carries"] = carried(j.sends, j.routes.also);
    line["lids"] = j.routes.routes.lids;
    line["method"] = name(j.routes.routes.method);
    line["changed"] = b.changed;
    all = all && b;
  }
  whole_files out;
  std::string text;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (json& line = lines[i]; line.is_null()) {
      const bool crosses = jobs[i].ranks.crosses_leafs();
      line = {{"job", jobs[i].job->id.value}, {"isolated", !crosses}};
      if (crosses) line["why"] = "it owns no links";
      line["changed"] = 0;
    }
    text += lines[i].dump() + '\n';
    if (!a.settings.empty())
      out.add((std::filesystem::path(a.settings) /
               ("job-" + std::to_string(jobs[i].job->id.value) + ".sh"))
                  .string(),
              job_settings(t.net, jobs[i].ranks, jobs[i].sends,
                           jobs[i].job->where.owns_network() ? &jobs[i].routes : nullptr));
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
                 {"still_carries", t.tables.dump().owners[x.lid].text},
                 {"from", t.net.names[x.from]},
                 {"why", t.tables.ends()[x.lid].valid() ? "no way from there that nobody owns"
                                                        : "it is not known where the LID hangs"}}
                .dump() +
            '\n';
  std::size_t changed = 0;
  for (std::uint32_t lid = 0; lid < before.lids(); ++lid)
    for (std::uint32_t s = 0; s < before.switches(); ++s)
      changed += before.port(s, lid) != keeper.tables().port(s, lid);
  text += json{{"changed", changed}, {"still_carrying", intruders.size()}}.dump() + '\n';
  std::ostringstream tables;
  fabric::write_lft(tables, t.tables.with(keeper.tables(), [&](std::uint32_t s) {
    return keeper.wires().is_cut_off(s);
  }));
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
  tables_of_network t{a};
  open_text text(a.jobs);
  placed_reader<fabric::leaf_spine> placed{t.net.dc, a.otherwise};
  placed.read(text.stream(), text.name());
  std::vector<table_job> jobs;
  for (std::size_t i = 0; i < placed.jobs().size(); ++i)
    jobs.push_back(compiled(t, placed.jobs()[i], placed.sends()[i], !a.check));
  return a.check ? check(std::move(t), jobs) : write_tables(a, t, jobs);
}

}  // namespace heddle::examples
