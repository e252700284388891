#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/verify.hpp>

#include "slurm/samples.hpp"
#include "slurm_pilot/book.hpp"
#include "slurm_pilot/drivers.hpp"
#include "slurm_pilot/even_servers.hpp"
#include "slurm_pilot/process.hpp"
#include "slurm_pilot/reconcile.hpp"
#include "slurm_pilot/store.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;
using namespace heddle::pilot;

using fixed_machine = machine<fabric::leaf_spine>;

fixed_machine small_machine() {
  std::vector<node_report> nodes;
  for (int i = 0; i < 16; ++i) nodes.push_back({std::string("n") + std::to_string(i), 8, true});
  return make_machine(test::topology_shown, nodes);
}

cluster_report all_up() {
  cluster_report r;
  for (int i = 0; i < 16; ++i) r.nodes.push_back({std::string("n") + std::to_string(i), 8, true});
  return r;
}

using vclos_chain = place::first_of<place::one_server, place::one_leaf, place::vclos>;

/// `text` with every `from` replaced.
std::string with(const std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool here = text.compare(at, from.size(), from) == 0;
    if (here)
      out.append(to);
    else
      out.push_back(text[at]);
    at += here ? from.size() : 1;
  }
  return out;
}

/// A book with one job of 64 GPUs on two leafs.
book book_of_64(const fixed_machine& m, stage at) {
  place::vclos policy;
  booked_job j{.where = *policy(fabric::ledger{m.dc}, {job_id{7}, 64}).where,
               .at = at,
               .since_s = 100,
               .clock_ghz = 1.25,
               .pattern = collective::all_to_all};
  book b;
  b.jobs.emplace(7, std::move(j));
  return b;
}

job_report report_of(const site& m, const book& b, std::uint32_t id, job_phase phase) {
  job_report r{.id = id, .phase = phase, .gpus = static_cast<int>(b.jobs.at(id).where.gpus.size())};
  const auto hosts = pilot::detail::hosts_of(m, b.jobs.at(id).where);
  r.required.assign(hosts.begin(), hosts.end());
  if (phase == job_phase::running || phase == job_phase::completing) r.nodes = r.required;
  return r;
}

}  // namespace

TEST_CASE("a book comes back from its file as it was") {
  const fixed_machine m = small_machine();
  const book b = book_of_64(m, stage::running);
  std::vector<std::uint32_t> lost;
  const book again = read_book(write_book(b, m), "book", m, lost);
  CHECK(lost.empty());
  REQUIRE(again.jobs.size() == 1);
  CHECK(again.jobs.at(7).where == b.jobs.at(7).where);
  CHECK(again.jobs.at(7).at == stage::running);
  CHECK(again.jobs.at(7).since_s == 100);
  CHECK(again.jobs.at(7).clock_ghz == 1.25);
  CHECK(again.jobs.at(7).pattern == collective::all_to_all);
  CHECK(write_book(again, m) == write_book(b, m));
}

TEST_CASE("a book of another version or of no pilot is refused and one that is cut too") {
  const fixed_machine m = small_machine();
  std::vector<std::uint32_t> lost;
  const std::string good = write_book(book_of_64(m, stage::running), m);
  const std::string newer = with(good, "\"version\": 1", "\"version\": 2");
  CHECK_THROWS_WITH_AS((void)read_book(newer, "book", m, lost), "book: expected version 1, got 2",
                       input_error);
  CHECK_THROWS_AS((void)read_book("{}", "book", m, lost), input_error);
  for (std::size_t n = 0; n + 3 < good.size(); n += 97)
    CHECK_THROWS_AS((void)read_book(good.substr(0, n), "book", m, lost), input_error);
  const std::string without = with(good, "\"links\"", "\"lynks\"");
  CHECK_THROWS_AS((void)read_book(without, "book", m, lost), input_error);
}

TEST_CASE("jobs of a book whose nodes are gone or taken twice are lost and named") {
  const fixed_machine m = small_machine();
  std::vector<std::uint32_t> lost;
  const std::string text = write_book(book_of_64(m, stage::running), m);
  CHECK(read_book(with(text, "\"n0\"", "\"x0\""), "book", m, lost).jobs.empty());
  CHECK(lost == std::vector<std::uint32_t>{7});
  const auto from = text.find("{\"id\"");
  const std::string one = text.substr(from, text.find("\n]}") - from);
  const std::string twice = with(text, one, with(one, "\"id\":7", "\"id\":6") + ",\n" + one);
  lost.clear();
  CHECK(read_book(twice, "book", m, lost).jobs.size() == 1);
  CHECK(lost.size() == 1);
}

TEST_CASE("what a job of the book is in Slurm decides what becomes of it") {
  const fixed_machine m = small_machine();
  struct row {
    stage at;
    job_phase phase;
    bool right_nodes, node_down;
    double later_s;
    bool stays;
    stage then;
    const char* what;  ///< empty: nothing
    bool hold, unsent, waits;
  };
  const std::vector<row> rows{
      // It was decided, and the pilot died before, between or after telling Slurm.
      {stage::placed, job_phase::held, true, false, 0, true, stage::placed, "", false, true, false},
      {stage::placed, job_phase::held, true, true, 0, false, {}, "taken_back", false, false, true},
      {stage::placed, job_phase::pending, true, false, 0, true, stage::released, "", false, false,
       false},
      {stage::placed, job_phase::pending, false, false, 0, true, stage::placed, "", true, false,
       false},
      {stage::placed, job_phase::running, true, false, 0, true, stage::running, "started", false,
       false, false},
      {stage::placed,
       job_phase::running,
       false,
       false,
       0,
       false,
       {},
       "elsewhere",
       false,
       false,
       false},
      {stage::placed, job_phase::ended, true, false, 0, false, {}, "ended", false, false, false},
      // Slurm was told.
      {stage::released, job_phase::pending, true, false, 10, true, stage::released, "", false,
       false, false},
      {stage::released, job_phase::pending, true, false, 500, true, stage::released, "", true,
       false, false},
      {stage::released, job_phase::pending, true, true, 10, true, stage::released, "", true, false,
       false},
      {stage::released,
       job_phase::held,
       true,
       false,
       10,
       false,
       {},
       "taken_back",
       false,
       false,
       true},
      {stage::released, job_phase::running, true, false, 10, true, stage::running, "started", false,
       false, false},
      {stage::released, job_phase::ended, true, false, 10, false, {}, "ended", false, false, false},
      // It ran.
      {stage::running, job_phase::running, true, true, 10, true, stage::running, "", false, false,
       false},
      {stage::running, job_phase::completing, true, true, 10, true, stage::running, "", false,
       false, false},
      {stage::running, job_phase::pending, true, true, 10, true, stage::running, "", true, false,
       false},
      {stage::running, job_phase::held, true, true, 10, false, {}, "requeued", false, false, true},
      {stage::running, job_phase::ended, true, false, 10, false, {}, "ended", false, false, false},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    const row& r = rows[i];
    book b = book_of_64(m, r.at);
    cluster_report seen = all_up();
    if (r.node_down) seen.nodes[0].usable = false;
    seen.jobs.push_back(report_of(m, b, 7, r.phase));
    if (!r.right_nodes) {
      auto& j = seen.jobs[0];
      (j.nodes.empty() ? j.required : j.nodes)[0] = "n15";
    }
    const findings f = reconcile(b, seen, m, 100 + r.later_s);
    const bool foreign = b.jobs.contains(7) && b.jobs.at(7).at == stage::foreign;
    CHECK((b.jobs.contains(7) && !foreign) == r.stays);
    if (r.stays) CHECK(b.jobs.at(7).at == r.then);
    CHECK((f.happened.empty() ? "" : f.happened[0].what) == std::string_view(r.what));
    CHECK(f.hold.size() == r.hold);
    CHECK(f.unsent.size() == r.unsent);
    CHECK(f.waiting.size() == r.waits);
    CHECK(f.unusable.size() == r.node_down);

    // The same look again changes nothing.
    const std::string once = write_book(b, m);
    const findings again = reconcile(b, seen, m, 100 + r.later_s);
    CHECK(write_book(b, m) == once);
    CHECK(again.happened.empty());
  }
}

TEST_CASE("jobs that are no single job of GPUs or that depend on another are not scheduled") {
  const fixed_machine m = small_machine();
  book b;
  cluster_report seen = all_up();
  seen.jobs = {{.id = 1, .phase = job_phase::held, .gpus = 1, .partition = "main"},
               {.id = 2, .phase = job_phase::held, .gpus = 1, .whole = false, .partition = "main"},
               {.id = 3, .phase = job_phase::held, .gpus = 1, .depends = true, .partition = "main"},
               {.id = 4, .phase = job_phase::held, .gpus = 0, .partition = "main"},
               {.id = 5, .phase = job_phase::held, .gpus = 1, .partition = "other"},
               {.id = 6, .phase = job_phase::pending, .gpus = 1, .partition = "main"}};
  CHECK(reconcile(b, seen, m, 0).waiting == std::vector<std::uint32_t>{1, 5});
  CHECK(reconcile(b, seen, m, 0, {.partition = "main"}).waiting == std::vector<std::uint32_t>{1});
}

TEST_CASE("GPUs that Slurm chose otherwise are taken over and ranks keep their hosts") {
  const fixed_machine m = small_machine();
  const gpu_id first = m.gpu(m.server_named.at("n0"), 0);
  book b;
  for (std::uint32_t id : {1u, 2u}) {  // two jobs of two GPUs on n0, guessed as 0, 1 and 2, 3
    booked_job j{.at = stage::released};
    j.where.gpus = {gpu_id{first.value + 2 * (id - 1)}, gpu_id{first.value + 2 * (id - 1) + 1}};
    b.jobs.emplace(id, j);
  }
  cluster_report seen = all_up();
  seen.jobs = {
      {.id = 1, .phase = job_phase::pending, .gpus = 2, .required = {"n0"}},
      {.id = 2, .phase = job_phase::running, .gpus = 2, .nodes = {"n0"}, .gpu_numbers = {{0, 5}}}};
  const findings f = reconcile(b, seen, m, 0);
  CHECK(b.jobs.at(2).where.gpus == std::vector<gpu_id>{first, gpu_id{first.value + 5}});
  // The other's guess gives way.
  CHECK(b.jobs.at(1).where.gpus ==
        std::vector<gpu_id>{gpu_id{first.value + 1}, gpu_id{first.value + 2}});
  CHECK(f.renumbered.size() == 2);
}

TEST_CASE(
    "every placement that even_servers lets through has equal servers and is the policy's kind") {
  const fixed_machine m = small_machine();
  std::mt19937 dice{5};
  even_servers<vclos_chain> even;
  vclos_chain plain;
  int placed = 0, refused = 0, rescued = 0;
  fabric::ledger l{m.dc};
  std::vector<job_id> held;
  for (std::uint32_t id = 0; id < 3000; ++id) {
    if (!held.empty() && dice() % 2) {
      const auto k = dice() % held.size();
      l.release(held[k]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(k));
    }
    const place::request r{job_id{id}, 1 + static_cast<int>(dice() % (dice() % 3 ? 10 : 60))};
    const place::answer a = even(l, r), b = place::ask(plain, l, r);
    if (a) {
      CHECK(gpus_of_each_server(m.servers, *a.where) > 0);
      REQUIRE(l.reserve(r.job, *a.where) == fabric::reserve_status::reserved);
      held.push_back(r.job);
      ++placed;
      REQUIRE(b);
      rescued += gpus_of_each_server(m.servers, *b.where) == 0;
    } else if (b) {
      CHECK(a.why == place::wait_reason::gpu_fragmentation);
      CHECK(!a.proved);
      ++refused;
    } else {
      CHECK(a.why == b.why);
    }
  }
  CHECK(route::verify_isolated(
      l, [](job_id) { return collective::all_to_all; }, route::source{}));
  CHECK(placed > 500);
  CHECK(rescued > 20);
  CHECK(refused > 20);
}

TEST_CASE("a job's route table keeps every link of every phase to one flow") {
  const fixed_machine m = small_machine();
  book b = book_of_64(m, stage::placed);
  for (const collective c :
       {collective::ring, collective::halving_doubling, collective::all_to_all}) {
    booked_job& j = b.jobs.at(7);
    j.pattern = c;
    const auto table = routes_of(m, j);
    REQUIRE(!table.empty());
    std::set<std::tuple<std::size_t, std::string, std::uint32_t, bool>> used;
    for (const route_entry& r : table) {
      CHECK(m.leafs[m.dc.leaf_of(j.where.gpus[r.source_rank]).index()] == r.source_leaf);
      CHECK(m.leafs[m.dc.leaf_of(j.where.gpus[r.target_rank]).index()] == r.target_leaf);
      CHECK(used.emplace(r.phase, r.source_leaf, r.spine, true).second);
      CHECK(used.emplace(r.phase, r.target_leaf, r.spine, false).second);
    }
  }
  CHECK(routes_of(m, booked_job{}).empty());
}

TEST_CASE("on an optical network a book holds circuits, and drivers hear where they are") {
  std::vector<node_report> nodes = all_up().nodes;
  const auto m =
      make_optical_machine(test::topology_shown, nodes,
                           {.spines = 8, .ocs_switches = 16, .leaf_fibres = 2, .spine_fibres = 4});
  place::ocs_vclos policy;
  booked_job j{.where = *policy(fabric::ledger{m.dc}, {job_id{7}, 64}).where};
  REQUIRE(j.where.circuits.size() == 64);
  book b;
  b.jobs.emplace(7, j);
  std::vector<std::uint32_t> lost;
  const book again = read_book(write_book(b, m), "book", m, lost);
  CHECK(lost.empty());
  CHECK(again.jobs.at(7).where == j.where);
  CHECK(ledger_of(again, m, {}).owner(j.where.circuits.front()) == job_id{7});

  const auto joined = circuits_of(m, j);
  REQUIRE(joined.size() == 64);
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> of_spine;  // at each OCS
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const fabric::circuit& k = j.where.circuits[i];
    CHECK(joined[i].ocs * 2 + joined[i].leaf_fibre == k.uplink);
    CHECK(joined[i].leaf == m.leafs[k.leaf.index()]);
    CHECK(++of_spine[{joined[i].ocs, joined[i].spine}] <= 4);
  }
  std::set<std::tuple<std::size_t, std::string, std::uint32_t, std::uint32_t>> used;
  for (const route_entry& r : routes_of(m, j))
    CHECK(used.emplace(r.phase, r.source_leaf, r.spine, r.up_lane).second);
  CHECK(!used.empty());
}

TEST_CASE("the recording driver leaves a job's files as long as the job is there") {
  const fixed_machine m = small_machine();
  const test::scratch_dir dir;
  const std::string script = dir.write("hook", "#!/bin/sh\necho $1 $2 >> " + dir / "calls\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  recording_driver d{dir / "jobs", script};
  const book b = book_of_64(m, stage::placed);
  set_all(d, m, 7, b.jobs.at(7));
  set_all(d, m, 7, b.jobs.at(7));
  const std::string hosts = test::content_of(dir / "jobs/7/hosts");
  CHECK(std::count(hosts.begin(), hosts.end(), '\n') == 64);
  CHECK(hosts.starts_with("n0\nn0\nn0\n"));
  CHECK(test::content_of(dir / "jobs/7/clocks.csv").starts_with("host,gpu,clock_mhz\nn0,0,1250\n"));
  CHECK(test::content_of(dir / "jobs/7/ranks.csv").starts_with("rank,host,gpu\n0,n0,0\n1,n0,1\n"));
  clear_all(d, 7);
  clear_all(d, 7);
  CHECK(!std::filesystem::exists(dir / "jobs/7"));
  CHECK(test::content_of(dir / "calls") == "set 7\nset 7\nclear 7\n");
  recording_driver broken{dir / "jobs", "/bin/false"};
  CHECK_THROWS_AS(set_all(broken, m, 8, b.jobs.at(7)), examples::unmet_request);
}

TEST_CASE("a book's file is the old or the new and belongs to one pilot") {
  const test::scratch_dir dir;
  file_store s{dir / "book", dir / "log"};
  CHECK(!s.load());
  s.save("one");
  s.save("two");
  s.note("a");
  s.note("b");
  CHECK(s.load() == "two");
  CHECK(test::content_of(dir / "log") == "a\nb\n");
  CHECK_THROWS_AS((file_store{dir / "book", ""}), examples::unmet_request);
  CHECK_THROWS_AS((file_store{dir / "none/book", ""}), examples::unmet_request);
}

TEST_CASE("programs are run without a shell and are given up after a while") {
  CHECK(run_process({"echo", "$HOME;", "a b"}).out == "$HOME; a b\n");
  CHECK(run_process({"sh", "-c", "echo oh >&2; exit 3"}).status == 3);
  CHECK(run_process({"sh", "-c", "echo oh >&2; exit 3"}).err == "oh");
  CHECK(run_process({"sh", "-c", "echo $X"}, 10, {"X=7"}).out == "7\n");
  CHECK(run_process({"sh", "-c", "head -c 1000000 /dev/zero; head -c 200000 /dev/zero >&2"})
            .out.size() == 1000000);
  CHECK(run_process({"sleep", "20"}, 0.2).status == -1);
  CHECK_THROWS_AS((void)run_process({"no-such-program-here"}), examples::unmet_request);
}
