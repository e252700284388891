// heddle-route --lft against OpenSM and ibsim, the real tools on a network that is made up.
#include <algorithm>
#include <cstdint>
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
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"
#include "support/ib_simulator.hpp"
#include "support/shared_data.hpp"
#include "support/walked_tables.hpp"

using namespace heddle;
using test::outcome;
using test::run;
using test::scratch_dir;
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
fabric::lft_dump tables_in(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_lft(in, "tables");
}
fabric::ib_network network_in(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_ib_network(in, "network");
}

std::string line_of(const walked_job& j) {
  std::string gpus, links;
  for (gpu_id g : j.where.gpus) gpus += (gpus.empty() ? "" : ",") + std::to_string(g.value);
  for (const fabric::link& k : j.where.links)
    links += (links.empty() ? "[" : ",[") + std::to_string(k.leaf.value) + "," +
             std::to_string(k.spine.value) + ",1]";
  return "{\"job\": " + std::to_string(j.id.value) + ", \"status\": \"placed\", \"gpus\": [" +
         gpus + "], \"links\": [" + links + "]}\n";
}

}  // namespace

TEST_CASE("tables that heddle-route writes are what switches have, and keep jobs apart, while they "
          "come and go on a simulated InfiniBand") {
  if (const std::string what = test::ib_simulator::missing(); !what.empty()) {
    test::skip(what);
    return;
  }
  const scratch_dir dir;
  test::ib_simulator sim{dir, test::ibsim_leafs_and_spines(16, 16, 16), "n000"};
  REQUIRE(sim.bring_up("-R updn"));
  std::filesystem::copy_file(dir / "opensm-lfts.dump", dir / "now.lfts");
  std::filesystem::copy_file(dir / "opensm-lfts.dump", dir / "first.lfts");
  const std::string whole = sim.discover();
  dir.write("whole.txt", whole);
  const fabric::ib_network net = network_in(whole);
  REQUIRE(net.dc.gpus() == 256);
  REQUIRE(net.dc.leafs() == 16);
  REQUIRE(net.dc.spines() == 16);
  sim.stay("now.lfts");

  // Addresses by the guids of the dump.
  test::plain_addresses lids{fabric::leaf_spine{{.leafs = 1, .spines = 1, .servers_per_leaf = 1}},
                             net.wires};
  lids.ends.assign(1, {});
  lids.of_card.clear();
  {
    const fabric::lft_dump base = tables_in(test::content_of(dir / "now.lfts"));
    lids.ends.resize(base.tables.lids());
    std::map<std::uint64_t, std::uint32_t> lid_of;
    for (std::uint32_t lid = 1; lid < base.owners.size(); ++lid)
      if (!base.owners[lid].is_switch && base.owners[lid].guid != 0) {
        lid_of[base.owners[lid].guid] = lid;
        lids.ends[lid] = net.hosts.at(base.owners[lid].guid);
      }
    for (std::uint64_t guid : net.cards) lids.of_card.push_back({lid_of.at(guid), 1});
  }

  fabric::ledger<fabric::leaf_spine> state{net.dc};
  place::vclos policy;
  test::dice d{7};
  std::vector<std::unique_ptr<walked_job>> running;
  // Tables written, loaded, read back: what the switches have then.
  const auto carry_out = [&](const std::string& options, int status) {
    std::string lines;
    for (const auto& j : running) lines += line_of(*j);
    dir.write("jobs.jsonl", lines);
    const outcome r = run("heddle-route", "--lft " + dir / "now.lfts" + " " + options + " --jobs " +
                                              dir / "jobs.jsonl" + " --out " + dir / "new.lfts");
    REQUIRE_MESSAGE(r.status == status, r.err, r.out);
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
      test::ib_simulator::pause();
    }
    REQUIRE_MESSAGE(same.status == 0, same.out, same.err);
    return numbered(net, tables_in(got));
  };
  const auto own_links = [&] {
    std::vector<const walked_job*> out;
    for (const auto& j : running)
      if (j->where.owns_network()) out.push_back(j.get());
    return out;
  };

  fabric::forwarding before = numbered(net, tables_in(test::content_of(dir / "now.lfts")));
  int traced = 0;
  std::uint32_t came = 0;
  while (came < 12) {
    std::uint32_t newest = 0;
    if (running.size() > 5 || (running.size() > 2 && d.chance(.3))) {
      const std::size_t k = d.index(running.size());
      REQUIRE(state.release(running[k]->id));
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
    } else {
      auto j = std::make_unique<walked_job>();
      j->id = job_id{newest = ++came};
      const auto where = policy(state, place::request{.job = j->id, .gpus = 1 << d.between(3, 6)});
      REQUIRE(where.where);
      j->where = *where.where;
      REQUIRE(state.reserve(j->id, j->where) == fabric::reserve_status::reserved);
      j->ranks = traffic::make_group(net.dc, j->where.gpus);
      for (collective c : {collective::ring, collective::halving_doubling, collective::all_to_all})
        j->sources.push_back(traffic::source_of(c, j->ranks, 1));
      running.push_back(std::move(j));
    }
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
    // ibtracert goes the same way.
    for (int i = 0; i < 2 && !own.empty(); ++i) {
      const walked_job& j = *own[d.index(own.size())];
      const gpu_id a = j.where.gpus[d.index(j.where.gpus.size())],
                   b = j.where.gpus[d.index(j.where.gpus.size())];
      if (net.dc.leaf_of(a) == net.dc.leaf_of(b)) continue;
      const std::uint32_t to = lids.of_card[b.index()].first;
      const auto way =
          test::hops(net.wires, now, net.wires.of(net.dc.leaf_of(a)), to, lids.ends[to]);
      REQUIRE(way);
      const std::string text = sim.trace(lids.of_card[a.index()].first, to);
      for (std::size_t h = 1; h < way->size(); ++h)
        CHECK_MESSAGE(text.find("\n[" + std::to_string((*way)[h - 1].port) +
                                "] -> switch port {") != std::string::npos,
                      text);
      CHECK(text.find("\"" + net.names[(*way)[1].at] + "\"") != std::string::npos);
      ++traced;
    }
    before = now;
  }
  CHECK(traced >= 20);
  const std::string check =
      run("heddle-route", "--check --lft " + dir / "now.lfts" + " --guids " + dir / "whole.txt" +
                              " --jobs " + dir / "jobs.jsonl")
          .out;
  CHECK(check.find("\"isolated\":false") == std::string::npos);

  // A link of a job's is cut: it is told, and all others stay as they are.
  const walked_job* hit = own_links().front();
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
  const fabric::forwarding after = carry_out(options + " --keep-going", 1);
  std::vector<const walked_job*> rest;
  for (const walked_job* j : own_links())
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
  CHECK(test::broken_isolation(net.dc, wires, carry_out(options + " --keep-going", 1), lids,
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
  const fabric::forwarding without = carry_out(options + " --keep-going", 1);
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
