// Aim: from an arrival to its changed entries found and all checks done at most 5 ms with 1 024 cards and 50 ms
// with 8 192 (384 switches). Routes are compiled for ring, halving-doubling and all-to-all (all:0), or as programs
// do for an all-to-all and as many of ten collectives as go with it (all:1). So, with -O2 on idle cores, to 1 024
// cards 480 GPUs (servers 32 and 28 under two units) come in 2.0 ms, 512 in 1.6, 704 (32, 32 and 24) in 2.9; to 8 192
// 512 in 5.2, 2 048 in 16.6, 3 072 in 36.8; with eight processes on two cores half as much again. OpenSM's text of
// 51 552 lines is read at 1.4 GB/s and written at 4, of 3.3 million read at 400 MB/s and written at 4 GB/s.
#include <heddle/route/table_keeper.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/route/carry_most.hpp>
#include <heddle/traffic/collectives.hpp>

#include "../../tests/support/dice.hpp"
#include "../../tests/support/walked_tables.hpp"
#include "support/railed.hpp"

namespace {

using namespace heddle;

test::walked_job job_on(const fabric::leaf_spine& dc, job_id id, fabric::placement where) {
  test::walked_job j{id, std::move(where), {}, {}, {}};
  j.ranks = traffic::make_group(dc, j.where.gpus);
  for (collective c : {collective::ring, collective::halving_doubling, collective::all_to_all})
    j.sources.push_back(traffic::source_of(c, j.ranks, 1));
  return j;
}

// A job of so many GPUs comes to a network three eighths full, or less if it needs the room, and goes.
void arrival(benchmark::State& state) {
  const fabric::leaf_spine dc = bench::railed(static_cast<int>(state.range(0)));
  const fabric::switch_ports wires = fabric::ports_in_order(dc, 32);
  const test::plain_addresses lids{dc, wires};
  route::table_keeper keeper{wires, test::turn_tables(wires, lids.ends), lids.ends};
  fabric::ledger<fabric::leaf_spine> book{dc};
  place::vclos policy;
  test::dice d{1};
  // As programs do: what the job sends, and as many collectives as go with it.
  const bool all = state.range(2) == 1;
  const auto routes = [&](test::walked_job& j) {
    j.routes = all ? route::carry_most(dc, j.where, j.ranks, {j.sources[2]}).routes
                   : route::by_destination(dc, j.where, j.ranks, j.sources);
    return route::placed_routes{j.id, j.where, j.routes, lids.of_card, 1};
  };
  std::vector<std::unique_ptr<test::walked_job>> running;
  const int room = dc.gpus() - static_cast<int>(state.range(1)),
            busy = std::min(3 * dc.gpus() / 8, 3 * room / (room < dc.gpus() / 2 ? 8 : 4));
  for (std::uint32_t id = 1; dc.gpus() - book.free_gpus() < busy && id < 400; ++id) {
    const auto where =
        policy(book, place::request{.job = job_id{id}, .gpus = 8 << d.between(0, 5)});
    if (!where.where || book.reserve(job_id{id}, *where.where) != fabric::reserve_status::reserved)
      continue;
    running.push_back(std::make_unique<test::walked_job>(job_on(dc, job_id{id}, *where.where)));
    if (running.back()->where.owns_network()) (void)keeper.arrive(dc, routes(*running.back()));
  }
  const job_id mine{1000};
  const auto where =
      policy(book, place::request{.job = mine, .gpus = static_cast<int>(state.range(1))});
  if (!where.where) {
    state.SkipWithError("no place");
    return;
  }
  test::walked_job j = job_on(dc, mine, *where.where);
  std::size_t changed = 0;
  const fabric::forwarding before = keeper.tables();
  for (auto unused : state) {
    const route::table_update u = keeper.arrive(dc, routes(j));
    changed = u.changes.size();
    state.PauseTiming();
    if (!u) {
      state.SkipWithError(u.refused.c_str());
      break;
    }
    (void)keeper.depart(mine);
    keeper = route::table_keeper{wires, before, lids.ends};
    for (const auto& r : running)
      if (r->where.owns_network())
        (void)keeper.arrive(dc, {r->id, r->where, r->routes, lids.of_card, 1});
    state.ResumeTiming();
  }
  state.counters["changed"] = static_cast<double>(changed);
  state.counters["links"] = static_cast<double>(j.where.links.size());
}
BENCHMARK(arrival)
    ->ArgNames({"units", "gpus", "all"})
    ->ArgsProduct({{4}, {344, 480, 512, 528, 704}, {0, 1}})
    ->ArgsProduct({{32}, {512, 2048, 3072}, {0, 1}})
    ->Iterations(7)
    ->Unit(benchmark::kMillisecond);

// Text of so many switches and LIDs: 48 of 1 074 are 51 552 lines, 384 of 8 600 are 3.3 million.
void text(benchmark::State& state) {
  const auto switches = static_cast<std::uint32_t>(state.range(1));
  fabric::lft_dump dump;
  dump.tables = {switches, static_cast<std::uint32_t>(state.range(2)) + 1};
  dump.owners.resize(dump.tables.lids());
  for (std::uint32_t lid = 1; lid < dump.tables.lids(); ++lid) {
    for (std::uint32_t s = 0; s < switches; ++s)
      dump.tables.set(s, lid, static_cast<std::uint8_t>((lid * 7 + s) % 64 + 1));
    dump.owners[lid].guid = 0x1000000000100000 + lid;
    std::ostringstream owner;
    owner << "Channel Adapter portguid 0x" << std::hex << dump.owners[lid].guid
          << ": 'dgx000 mlx5_0'";
    dump.owners[lid].text = owner.str();
  }
  for (std::uint32_t s = 0; s < switches; ++s)
    dump.switches.push_back({0x200000 + s, s + 1, "switch" + std::to_string(s)});
  std::ostringstream out;
  fabric::write_lft(out, dump);
  const std::string written = std::move(out).str();
  // Streams are rewound, so that no memory of theirs is new.
  std::istringstream in(written);
  std::ostringstream again;
  fabric::write_lft(again, dump);
  for (auto unused : state) {
    if (state.range(0) == 0) {
      in.clear();
      in.seekg(0);
      benchmark::DoNotOptimize(fabric::read_lft(in, "tables"));
    } else {
      again.seekp(0);
      fabric::write_lft(again, dump);
      benchmark::DoNotOptimize(again);
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * written.size()));
  state.counters["lines"] = static_cast<double>(std::count(written.begin(), written.end(), '\n'));
}
BENCHMARK(text)
    ->ArgNames({"write", "switches", "lids"})
    ->Args({0, 48, 1074})
    ->Args({1, 48, 1074})
    ->Args({0, 384, 8600})
    ->Args({1, 384, 8600})
    ->Unit(benchmark::kMillisecond);

}  // namespace
