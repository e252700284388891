// heddle-route --lft against OpenSM and ibsim, the real tools on a network that is made up.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"
#include "support/ib_simulator.hpp"
#include "support/ib_text.hpp"
#include "support/shared_data.hpp"
#include "support/walked_tables.hpp"

using namespace heddle;
using test::network_in;
using test::outcome;
using test::run;
using test::scratch_dir;
using test::tables_in;
using test::walked_job;

namespace {

// The tables that switches have, by the numbers of a network.
fabric::forwarding numbered(const fabric::ib_network& net, const fabric::lft_dump& dump) {
  fabric::forwarding t{net.wires.size(), dump.tables.lids()};
  for (std::uint32_t s = 0; s < dump.switches.size(); ++s) {
    const auto at = std::find(net.switches.begin(), net.switches.end(), dump.switches[s].guid);
    if (at == net.switches.end()) continue;
    for (std::uint32_t lid = 0; lid < t.lids(); ++lid)
      t.set(static_cast<std::uint32_t>(at - net.switches.begin()), lid, dump.tables.port(s, lid));
  }
  return t;
}

std::string line_of(const walked_job& j) {
  std::string gpus, links, lanes;
  for (gpu_id g : j.where.gpus) gpus += (gpus.empty() ? "" : ",") + std::to_string(g.value);
  for (const fabric::link& k : j.where.links) {
    links += (links.empty() ? "[" : ",[") + std::to_string(k.leaf.value) + "," +
             std::to_string(k.spine.value) + ",1]";
    lanes += (lanes.empty() ? "[" : ",[") + std::to_string(k.lane) + "]";
  }
  return "{\"job\": " + std::to_string(j.id.value) + ", \"status\": \"placed\", \"gpus\": [" +
         gpus + "], \"links\": [" + links + "], \"lanes\": [" + lanes + "]}\n";
}

// A network that is made up, and the jobs that come and go on it: heddle-route writes tables, OpenSM loads
// them, and they are read back from the switches.
struct site {
  const scratch_dir dir;
  test::ib_simulator sim;
  fabric::ib_network net;
  test::plain_addresses lids;
  fabric::ledger<fabric::leaf_spine> state;
  place::vclos policy = {};
  test::dice d{7};
  std::vector<std::unique_ptr<walked_job>> running = {};
  fabric::forwarding before = {};
  std::uint32_t came = 0;
  int traced = 0;
  std::string with = {};  // OpenSM's options

  site(const std::string& text, const std::string& host, const std::string& options = "")
      : sim(dir, text, host), net(brought_up(options)),
        lids(fabric::leaf_spine{{.leafs = 1, .spines = 1, .servers_per_leaf = 1}}, net.wires),
        state(net.dc) {
    // Addresses by the guids of the dump, the first of each card.
    const fabric::lft_dump base = tables_in(test::content_of(dir / "now.lfts"));
    lids.ends.assign(base.tables.lids(), {});
    lids.of_card.clear();
    std::map<std::uint64_t, route::card_address> lid_of;
    for (std::uint32_t lid = 1; lid < base.owners.size(); ++lid)
      if (!base.owners[lid].is_switch && base.owners[lid].guid != 0) {
        ++lid_of.try_emplace(base.owners[lid].guid, route::card_address{lid, 0})
              .first->second.count;
        lids.ends[lid] = net.hosts.at(base.owners[lid].guid);
      }
    for (std::uint64_t guid : net.cards) lids.of_card.push_back(lid_of.at(guid));
    sim.stay("now.lfts", with = options);
    before = numbered(net, base);
  }
  [[nodiscard]] fabric::ib_network brought_up(const std::string& options) {
    REQUIRE(sim.bring_up("-R updn " + options));
    std::filesystem::copy_file(dir / "opensm-lfts.dump", dir / "now.lfts");
    std::filesystem::copy_file(dir / "opensm-lfts.dump", dir / "first.lfts");
    const std::string whole = sim.discover();
    dir.write("whole.txt", whole);
    return network_in(whole);
  }
  // Tables written, loaded, read back: what the switches have then.
  fabric::forwarding carry_out(const std::string& options, int status) {
    std::string lines;
    for (const auto& j : running) lines += line_of(*j);
    dir.write("jobs.jsonl", lines);
    const outcome r = run("heddle-route", "--lft " + dir / "now.lfts" + " " + options + " --jobs " +
                                              dir / "jobs.jsonl" + " --out " + dir / "new.lfts");
    REQUIRE_MESSAGE(r.status == status, r.err, r.out);
    for (const auto& j : running) take_sources(*j, r.out);
    return load();
  }
  /// A job sends the collectives that its line says its routes carry, rings among them.
  void take_sources(walked_job& j, const std::string& said) const {
    const auto at = said.find("{\"job\":" + std::to_string(j.id.value) + ",");
    REQUIRE(at != std::string::npos);
    const std::string line = said.substr(at, said.find('\n', at) - at);
    const auto carries = line.find("\"carries\":\"");
    std::string names = carries == std::string::npos ? "all" : line.substr(carries + 10);
    j.sources.clear();
    for (collective c : {collective::ring, collective::halving_doubling, collective::all_to_all}) {
      const std::string name = std::string(heddle::name(c));
      if (names.find("all\"") == 1 || names == "all" || names.find("\"" + name) != names.npos ||
          names.find(" " + name) != names.npos)
        j.sources.push_back(traffic::source_of(c, j.ranks, 1));
      else
        REQUIRE(c != collective::ring);
    }
  }
  fabric::forwarding load() {
    std::filesystem::rename(dir / "new.lfts", dir / "now.lfts");
    sim.reload();
    outcome same;
    std::string got;
    for (int i = 0; i < 100; ++i) {
      got = sim.read_back();
      dir.write("back.txt", got);
      same = run("heddle-route", "--lft " + dir / "now.lfts" + " --read-back " + dir / "back.txt");
      if (same.status == 0) break;
      if (i % 20 == 19) sim.reload();  // it may have been at something else
      if (sim.opensm_has_ended()) sim.stay("now.lfts", with);
      test::ib_simulator::pause();
    }
    REQUIRE_MESSAGE(same.status == 0, same.out, same.err);
    return numbered(net, tables_in(got));
  }
  [[nodiscard]] std::vector<const walked_job*> own_links() const {
    std::vector<const walked_job*> out;
    for (const auto& j : running)
      if (j->where.owns_network()) out.push_back(j.get());
    return out;
  }
  /// A job of so many GPUs, if there is a place for it.
  bool arrive(int gpus) {
    auto j = std::make_unique<walked_job>();
    j->id = job_id{came + 1};
    const auto where = policy(state, place::request{.job = j->id, .gpus = gpus});
    if (!where.where) return false;
    ++came;
    j->where = *where.where;
    REQUIRE(state.reserve(j->id, j->where) == fabric::reserve_status::reserved);
    j->ranks = traffic::make_group(net.dc, j->where.gpus);
    running.push_back(std::move(j));
    return true;
  }
  void depart(std::size_t k) {
    REQUIRE(state.release(running[k]->id));
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
  }
  /// What the switches have after a change, looked at from all sides. \param newest  the job that came; 0: none
  void look(std::uint32_t newest) {
    const fabric::forwarding now = carry_out("--guids " + dir / "whole.txt", 0);
    const auto own = own_links();
    REQUIRE(test::broken_isolation(net.dc, net.wires, now, lids, own) == "");
    for (const walked_job* j : own) {
      if (j->id.value == newest) continue;
      for (gpu_id g : j->where.gpus)
        for (std::uint32_t s = 0; s < net.wires.size(); ++s)
          REQUIRE(before.port(s, lids.of_card[g.index()].first) ==
                  now.port(s, lids.of_card[g.index()].first));
    }
    before = now;
  }
  /// `ibtracert` goes the ways of pairs drawn by seed, from card to card of one rail.
  void trace(int pairs) {
    const auto own = own_links();
    for (int tries = 0; pairs > 0 && !own.empty() && tries < 1000; ++tries) {
      const walked_job& j = *own[d.index(own.size())];
      const gpu_id a = j.where.gpus[d.index(j.where.gpus.size())],
                   b = j.where.gpus[d.index(j.where.gpus.size())];
      const leaf_id from = net.dc.leaf_of(a), end = net.dc.leaf_of(b);
      if (from == end || net.dc.rail_of(from) != net.dc.rail_of(end)) continue;
      const std::uint32_t to = lids.of_card[b.index()].first;
      const auto way = test::hops(net.wires, before, net.wires.of(from), to, lids.ends[to]);
      REQUIRE(way);
      const std::string text = sim.trace(lids.of_card[a.index()].first, to);
      for (std::size_t h = 1; h < way->size(); ++h)
        CHECK_MESSAGE(text.find("\n[" + std::to_string((*way)[h - 1].port) +
                                "] -> switch port {") != std::string::npos,
                      text);
      CHECK(text.find("\"" + net.names[(*way)[1].at] + "\"") != std::string::npos);
      ++traced;
      --pairs;
    }
  }
  /// Jobs come and go until so many have come.
  void churn(std::uint32_t jobs, int most, const std::vector<int>& sizes) {
    while (came < jobs) {
      std::uint32_t newest = 0;
      if (static_cast<int>(running.size()) > most || (running.size() > 2 && d.chance(.3)) ||
          !arrive(sizes[d.index(sizes.size())]))
        depart(d.index(running.size()));
      else
        newest = came;
      look(newest);
      trace(2);
    }
  }
  [[nodiscard]] std::string check() const {
    return run("heddle-route", "--check --lft " + dir / "now.lfts" + " --guids " +
                                   dir / "whole.txt" + " --jobs " + dir / "jobs.jsonl")
        .out;
  }
};

// Jobs that come and go in the tests of every day, and with HEDDLE_LONG_TESTS set.
std::uint32_t jobs_of_day(std::uint32_t few) {
  return std::getenv("HEDDLE_LONG_TESTS") != nullptr ? 60 : few;
}

}  // namespace

TEST_CASE("tables that heddle-route writes are what switches have, and keep jobs apart, while they "
          "come and go on a simulated InfiniBand") {
  if (const std::string what = test::ib_simulator::missing(); !what.empty()) {
    test::skip(what);
    return;
  }
  site x{test::ibsim_leafs_and_spines(16, 16, 16), "n000"};
  REQUIRE(x.net.dc.gpus() == 256);
  REQUIRE(x.net.dc.leafs() == 16);
  REQUIRE(x.net.dc.spines() == 16);
  x.churn(jobs_of_day(12), 6, {8, 16, 32, 64});
  x.trace(20 - x.traced);
  CHECK(x.traced >= 20);
  CHECK(x.check().find("\"isolated\":false") == std::string::npos);

  const fabric::ib_network& net = x.net;
  const scratch_dir& dir = x.dir;
  test::ib_simulator& sim = x.sim;
  const auto& lids = x.lids;
  // A link of a job's is cut: it is told, and all others stay as they are.
  const walked_job* hit = x.own_links().front();
  const fabric::link lost = hit->where.links.front();
  const auto port = *net.wires.up(net.wires.of(lost.leaf), net.wires.of(lost.spine), 0);
  sim.say("Unlink \"" + net.names[port.at] + "\"[" + std::to_string(port.port) + "]");
  dir.write("cut.txt", sim.discover());
  const std::string options = "--cluster " + dir / "whole.txt" + " --guids " + dir / "cut.txt";
  const outcome refused =
      run("heddle-route", "--lft " + dir / "now.lfts" + " " + options + " --jobs " +
                              dir / "jobs.jsonl" + " --out " + dir / "new.lfts");
  CHECK(refused.status == 1);
  CHECK(refused.err.find("job " + std::to_string(hit->id.value) + ": it lost its link at leaf") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "new.lfts"));
  const fabric::forwarding after = x.carry_out(options + " --keep-going", 1);
  std::vector<const walked_job*> rest;
  for (const walked_job* j : x.own_links())
    if (j != hit) rest.push_back(j);
  fabric::switch_ports wires = net.wires;
  wires.cut(port);
  CHECK(test::broken_isolation(net.dc, wires, after, lids, rest) == "");
  for (gpu_id g : hit->where.gpus)
    CHECK_FALSE(fabric::first_fault(wires, after, lids.of_card[g.index()].first,
                                    lids.ends[lids.of_card[g.index()].first]));

  // Tables of before the cut are stale; garbage is none; both are refused and nothing is written.
  dir.write("none.jsonl", "");
  const auto refusal = [&](const std::string& lft) {
    const outcome r =
        run("heddle-route", "--lft " + lft + " --guids " + dir / "cut.txt" + " --jobs " +
                                dir / "none.jsonl" + " --out " + dir / "new.lfts");
    CHECK(r.status == 2);
    CHECK_FALSE(std::filesystem::exists(dir / "new.lfts"));
    return r.err;
  };
  CHECK(refusal(dir / "first.lfts").find("where no cable in service is") != std::string::npos);
  std::string text = test::content_of(dir / "now.lfts");
  CHECK(refusal(dir.write("half.lfts", text.substr(0, text.size() / 2))).find("expected") !=
        std::string::npos);
  text.replace(text.find(" # "), 3, " ? ");
  CHECK(refusal(dir.write("garbage.lfts", text)).find("garbage.lfts:2: expected # or :") !=
        std::string::npos);

  // OpenSM is killed and starts again with the file.
  sim.kill_opensm();
  sim.stay("now.lfts");
  CHECK(test::broken_isolation(net.dc, wires, x.carry_out(options + " --keep-going", 1), lids,
                               rest) == "");
  // A spine is lost, one that no job owns a link to if there is such.
  std::vector<bool> used(16, false);
  for (const walked_job* j : rest)
    for (const fabric::link& k : j->where.links) used[k.spine.index()] = true;
  std::uint32_t spine = 15;
  while (spine > 0 && used[spine]) --spine;
  for (leaf_id l : net.dc.all_leafs()) {
    const auto p = *net.wires.down(net.wires.of(spine_id{spine}), net.wires.of(l), 0);
    sim.say("Unlink \"" + net.names[p.at] + "\"[" + std::to_string(p.port) + "]");
    wires.cut(p);
  }
  dir.write("cut.txt", sim.discover());
  const fabric::forwarding without = x.carry_out(options + " --keep-going", 1);
  std::vector<const walked_job*> last;
  for (const walked_job* j : rest)
    if (std::none_of(j->where.links.begin(), j->where.links.end(),
                     [&](const fabric::link& k) { return k.spine.value == spine; }))
      last.push_back(j);
  CHECK(test::broken_isolation(net.dc, wires, without, lids, last) == "");
  for (std::uint32_t lid = 1; lid < lids.ends.size(); ++lid)
    if (lids.ends[lid].valid())
      CHECK_FALSE(fabric::first_fault(wires, without, lid, lids.ends[lid]));
}

TEST_CASE(
    "tables of a rail-optimized network of 1 024 cards keep jobs apart on a simulated InfiniBand") {
  if (const std::string what = test::ib_simulator::missing(); !what.empty()) {
    test::skip(what);
    return;
  }
  site x{test::ibsim_units(4, 32, 16), "dgx000 mlx5_0"};
  REQUIRE(x.net.dc.gpus() == 1024);
  REQUIRE(x.net.dc.rails() == 8);
  REQUIRE(x.net.dc.leafs() == 32);
  if (jobs_of_day(1) > 1) {
    x.churn(60, 5, {64, 128, 256, 320, 384, 512});
  } else {
    REQUIRE(x.arrive(320));  // forty servers: two units
    x.look(1);
  }
  x.trace(20 - x.traced);
  CHECK(x.traced >= 20);
  CHECK(x.check().find("\"isolated\":false") == std::string::npos);
}

TEST_CASE(
    "a job that needs two LIDs a card has them carried out on a simulated InfiniBand with LMC 1") {
  if (const std::string what = test::ib_simulator::missing(); !what.empty()) {
    test::skip(what);
    return;
  }
  // An all-to-all of three leafs of two, ranks out of order: one LID a card is proved too few.
  site x{test::ibsim_leafs_and_spines(3, 2, 2), "n000", "-l 1"};
  REQUIRE(x.lids.of_card.front().count == 2);
  walked_job j{job_id{1}, {}, {}, {}, {}};
  for (int g = 0; g < 6; ++g) j.where.gpus.push_back(gpu_id{g});
  for (int l = 0; l < 3; ++l)
    for (int s = 0; s < 2; ++s) j.where.links.push_back({leaf_id{l}, spine_id{s}, 0});
  for (std::uint64_t seed = 1; j.routes.lids != 2; ++seed) {
    test::dice order{seed};
    order.shuffle(j.where.gpus);
    j.ranks = traffic::make_group(x.net.dc, j.where.gpus);
    j.sources = {traffic::source_of(collective::all_to_all, j.ranks, 1)};
    j.routes = route::by_destination(x.net.dc, j.where, j.ranks, j.sources);
  }
  REQUIRE(j.routes.least);
  std::string line = line_of(j);
  line.insert(1, "\"collective\": \"all_to_all\", \"bytes\": 1, ");
  const std::string jobs = x.dir.write("jobs.jsonl", line);
  const std::string tables = "--lft " + x.dir / "now.lfts" + " --guids " + x.dir / "whole.txt" +
                             " --jobs " + jobs + " --out " + x.dir / "new.lfts";
  const outcome r = run("heddle-route", tables + " --settings " + x.dir.path().string());
  REQUIRE_MESSAGE(r.status == 0, r.err, r.out);
  CHECK(r.out.find("\"carries\":\"all_to_all\",\"lids\":2") != std::string::npos);
  CHECK(test::content_of(x.dir / "job-1.sh").find("export HEDDLE_LIDS=2") != std::string::npos);
  const fabric::forwarding now = x.load();
  CHECK(test::broken_isolation(x.net.dc, x.net.wires, now, x.lids, {&j}) == "");
  // With one LID a card it is refused.
  std::string text = test::content_of(x.dir / "first.lfts");
  const fabric::lft_dump all = tables_in(text);
  fabric::lft_dump single{all.switches, all.owners, all.tables};
  for (std::uint32_t lid = 1; lid < single.owners.size(); ++lid)
    if (single.owners[lid].guid == single.owners[lid - 1].guid) single.owners[lid] = {};
  std::ostringstream out;
  fabric::write_lft(out, single);
  x.dir.write("single.lfts", out.str());
  const outcome refused =
      run("heddle-route", "--lft " + x.dir / "single.lfts" + " --guids " + x.dir / "whole.txt" +
                              " --jobs " + jobs + " --out " + x.dir / "new.lfts");
  CHECK(refused.status == 1);
  CHECK(refused.err.find("not enforceable by destination: a card needs 2 LIDs, and has 1") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(x.dir / "new.lfts"));
}

TEST_CASE("what the field hands to heddle-route is carried out, or refused with what is wrong and "
          "where") {
  const scratch_dir dir;
  const std::string seen = test::discovered(4, 4, 4), first = test::first_tables(network_in(seen)),
                    job = "{\"job\": 1, \"status\": \"placed\", \"gpus\": [0,1,4,5], \"links\": "
                          "[[0,2,1],[0,3,1],[1,2,1],[1,3,1]]}";
  struct handed {
    std::string lft, guids, jobs, options = "";
  };
  const auto said = [&](const handed& h, int status) {
    dir.write("lft", h.lft);
    dir.write("net", h.guids);
    dir.write("jobs", h.jobs);
    const outcome r =
        run("heddle-route", "--lft " + dir / "lft" + " --guids " + dir / "net" + " --jobs " +
                                dir / "jobs" + " --out " + dir / "new" + " " + h.options);
    CHECK_MESSAGE(r.status == status, r.out, r.err);
    return r.out + r.err;
  };
  const auto has = [](const std::string& text, const std::string& what) {
    CHECK_MESSAGE(text.find(what) != std::string::npos, text);
  };
  const auto without = [](std::string text, const std::string& what) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what)) {
      const std::size_t from = text.rfind('\n', at) + 1;
      text.erase(from, text.find('\n', at) + 1 - from);
    }
    return text;
  };
  const auto with_crlf = [](const std::string& text) {
    std::string out;
    for (char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out;
  };
  has(said({first, seen, job, "--settings " + dir.path().string()}, 0),
      "{\"job\":1,\"isolated\":true");
  const std::string told = test::content_of(dir / "job-1.sh");
  for (const char* line : {"HEDDLE_HOSTS='n0,n1,n4,n5'", "NCCL_IB_HCA='=mlx5_0'", "NCCL_IB_SL=0"})
    has(told, line);
  const std::string carried = test::content_of(dir / "new");
  (void)said({with_crlf(first), with_crlf(seen), with_crlf(job)}, 0);
  CHECK(test::content_of(dir / "new") == carried);
  has(said({carried, seen, job, "--check"}, 0), "{\"job\":1,\"isolated\":true}");
  has(said({first, seen, ""}, 0), "{\"changed\":0");
  CHECK(tables_in(test::content_of(dir / "new")) == tables_in(first));

  // Whose cards the tables do not know; a host that is in the tables and not in the network any more.
  const std::string fifth = "portguid 0x0000000000001005";
  has(said({without(first, fifth), seen, job}, 1),
      "job 1: the tables have no LID of its GPU 5 under leaf1, portguid 0x1005");
  has(said({without(first, fifth), seen, job, "--check"}, 1),
      "\"why\":\"its GPU 5 is not reached from leaf0\"");
  std::string down = seen;
  down.erase(down.find("caguid=0x0000000000001009"),
             down.find("caguid=0x000000000000100a") - down.find("caguid=0x0000000000001009"));
  (void)said({first, without(down, "\"H-0000000000001009\""), job}, 0);
  CHECK(test::content_of(dir / "new") == carried);

  // Switches without tables, ports without cables, tables of another network, text that ends too soon.
  const std::size_t third = first.find("Unicast", first.find("Unicast", 1) + 1);
  has(said({first.substr(0, third), seen, job}, 2),
      "expected tables of every switch of the network, got none of leaf2");
  std::string port = first;
  port.replace(port.find("0x0005 ") + 7, 3, "033");
  has(said({port, seen, job}, 2), "sends it to port 33, where no cable in service is (leaf0)");
  const std::string other = test::first_tables(network_in(test::discovered(4, 2, 4)));
  has(said({other, seen, job}, 2), "expected tables that reach every host from every leaf");
  has(said({other, seen, job, "--check"}, 1), "\"isolated\":false");
  has(said({first.substr(0, first.size() / 2), seen, job}, 2), "lft:");
  has(said({first, seen.substr(0, seen.size() / 2), job}, 2), "net:");
  has(said({seen, first, job}, 2), "net:1: expected a line of ibnetdiscover's topology file");

  // Jobs: with a host that is not there, without links, on one leaf, held twice.
  has(said({first, seen, "{\"job\": 1, \"status\": \"placed\", \"gpus\": [0,99]}"}, 2),
      "jobs:1: expected a gpu from 0 to 15, got 99");
  has(said({first, seen, "{\"job\": 1, \"status\": \"placed\", \"gpus\": [0,4]}"}, 0),
      "\"isolated\":false,\"why\":\"it owns no links\"");
  has(said({first, seen, "{\"job\": 1, \"status\": \"placed\", \"gpus\": [0,1]}"}, 0),
      "{\"job\":1,\"isolated\":true,\"changed\":0}");
  has(said({first, seen, job + "\n{\"job\": 1, \"status\": \"placed\", \"gpus\": [2]}"}, 2),
      "jobs:2: expected each job once, got 1");

  // All hosts on one switch: its table is kept.
  const std::string alone = test::discovered(1, 4, 0),
                    of_one = test::first_tables(network_in(alone));
  has(said({of_one, alone, "{\"job\": 1, \"status\": \"placed\", \"gpus\": [0,1,2]}"}, 0),
      "\"isolated\":true");
  CHECK(tables_in(test::content_of(dir / "new")) == tables_in(of_one));
}

TEST_CASE("tables of OpenSM are written as they were read, and dump_fts's are the same") {
  const std::string text = "Unicast lids [0-3] of switch Lid 2 guid 0x0000000000200000 ('leaf'):\n"
                           "0x0001 001 # Channel Adapter portguid 0x0000000000100001: 'n0 mlx5_0'\n"
                           "0x0002 000 # Switch portguid 0x0000000000200000: 'leaf'\n"
                           "3 lids dumped\n"
                           "Unicast lids [0-3] of switch Lid 3 guid 0x0000000000200001 ('spine'):\n"
                           "0x0001 012 # Channel Adapter portguid 0x0000000000100001: 'n0 mlx5_0'\n"
                           "0x0003 000 # Switch portguid 0x0000000000200001: 'spine'\n"
                           "3 lids dumped\n";
  const fabric::lft_dump read = tables_in(text);
  CHECK(read.switches[1].guid == 0x200001);
  CHECK(read.tables.port(1, 1) == 12);
  CHECK(read.tables.port(0, 3) == fabric::forwarding::none);
  std::ostringstream out;
  fabric::write_lft(out, read);
  CHECK(tables_in(out.str()) == read);
  const fabric::lft_dump printed =
      tables_in("Unicast lids [0x0-0x3] of switch DR path slid 0; dlid 0; 0,1 guid "
                "0x0000000000200000 (leaf):\n"
                "  Lid  Out   Destination\n       Port     Info \n"
                "0x0001 001 : (Channel Adapter portguid 0x0000000000100001: 'n0 mlx5_0')\n"
                "0x0002 000 : (Switch portguid 0x0000000000200000: 'leaf')\n"
                "2 valid lids dumped \n");
  CHECK(printed.owners[1] == read.owners[1]);
  CHECK(printed.tables.port(0, 1) == 1);
  for (const auto& [what, message] : std::vector<std::pair<std::string, std::string>>{
           {"0x0001 001 # x\n", "a switch before its entries"},
           {text.substr(0, 100), "the number of lids dumped"},
           {"hello\n", "a line of a dump"},
           {"", "the tables of a switch"},
           {text + text, "each switch once"}}) {
    CAPTURE(what);
    try {
      (void)tables_in(what);
      FAIL("was read");
    } catch (const input_error& e) {
      CHECK(std::string(e.what()).find(message) != std::string::npos);
    }
  }
}
