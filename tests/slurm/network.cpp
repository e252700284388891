// The pilot and a network that carries out its book: nothing is released before the switches have its
// routes, and whatever is killed or spoilt between any two steps, the next look mends or says.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/allocate/requested.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/table_isolation.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "slurm/fake_slurm.hpp"
#include "slurm_pilot/pilot.hpp"
#include "slurm_pilot/table_driver.hpp"
#include "support/ib_simulator.hpp"
#include "support/ib_text.hpp"
#include "support/shared_data.hpp"
#include "support/walked_tables.hpp"

namespace {

using namespace heddle;
using namespace heddle::pilot;
using test::discovered;
using test::first_tables;
using test::network_in;
using test::tables_in;

// A network in memory. Each step of whoever uses it is one of `fate`'s.
struct fake_subnet {
  test::fake_slurm& fate;
  std::string seen, switches;
  std::optional<std::string> file;
  std::string old = {};
  bool deaf = false;  // nobody listens to the signal

  [[nodiscard]] std::string discover() const { return seen; }
  [[nodiscard]] std::optional<std::string> tables() const { return file; }
  void keep(const std::string& text) {
    fate.may_die();  // before; the file beside is nobody's
    old = file.value_or("");
    fate.may_die();
    file = text;
    fate.may_die();
  }
  void reload() {
    fate.may_die();
    if (!deaf) try {
        (void)tables_in(file.value_or(""));
        switches = *file;
      } catch (const input_error&) {  // OpenSM goes on with what it has
      }
    fate.may_die();
  }
  [[nodiscard]] std::string read_back() const { return switches; }
  void wait() const {}
};
static_assert(Subnet<fake_subnet>);
static_assert(Subnet<opensm_subnet>);

template <class Network>
struct network_drivers : test::fake_drivers {
  std::optional<table_driver<Network>> tables;
  void take_over(const book& b) { tables->take_over(b); }
  void set_network(std::uint32_t id, const booked_job& j) { tables->set_network(id, j); }
  void clear_network(std::uint32_t id) { tables->clear_network(id); }
  std::map<std::uint32_t, std::string> look_after() { return tables->look_after(); }
  [[nodiscard]] lost_links lost() const { return tables->lost(); }
};
static_assert(NetworkDriver<network_drivers<fake_subnet>>);
static_assert(!NetworkDriver<test::fake_drivers>);

using chain = place::first_of<place::one_server, place::one_leaf, place::vclos>;
auto make_plan() {
  return schedule::scheduler{order::fifo{}, allocate::requested{}, even_servers<chain>{},
                             route::source{}};
}
using plan_type = decltype(make_plan());

template <class Network>
struct world {
  test::fake_slurm slurm{1};
  test::fake_store store;
  fabric::ib_network net;
  machine<fabric::leaf_spine> m;
  Network network;
  plan_type plan = make_plan();
  network_drivers<Network> drivers;
  std::optional<control_loop<test::fake_slurm, network_drivers<Network>, test::fake_store,
                             plan_type, fabric::leaf_spine>>
      one;
  double now_s = 1000;
  int deaths = 0, looks = 25;

  template <class Make>
  world(const std::string& whole, Make&& make)
      : net(network_in(whole)), m(make_ib_machine(net)), network(make(slurm, net)) {
    for (const std::string& host : m.hosts) slurm.add_node(host, 1);
    drivers.fate = store.fate = &slurm;
  }
  void look() {
    test::look_once(one, store, now_s, deaths, [this] {
      drivers.tables.emplace(network, net, looks);
      one.emplace(slurm, drivers, store, plan, m, pilot_options{.retry_s = 1});
    });
  }
  // Jobs that Slurm may start, or runs, and that the switches do not keep apart; by the saved book.
  [[nodiscard]] std::vector<std::uint32_t> not_kept() {
    std::vector<std::uint32_t> lost;
    if (store.saved.empty()) return {};
    const book b = read_book(store.saved, "book", m, lost);
    const auto cut = fabric::lost_cables(net, network_in(network.discover()));
    const fabric::ib_tables t{net, tables_in(network.read_back()), "switches", cut};
    const fabric::forwarding tables = t.by_number();
    fabric::switch_ports wires = net.wires;
    for (const fabric::port_end& p : cut) wires.cut(p);
    std::vector<std::vector<traffic::any_source>> sources;
    sources.reserve(b.jobs.size());
    std::vector<route::running_job> running;
    for (const auto& [id, j] : b.jobs) {
      const auto phase = slurm.jobs().at(id).report.phase;
      if (j.at == stage::foreign || (phase != job_phase::pending && phase != job_phase::running))
        continue;
      const traffic::group ranks = traffic::make_group(m.dc, j.where.gpus);
      sources.push_back({traffic::source_of(j.pattern, ranks, 1)});
      running.push_back({job_id{id}, j.where, sources.back()});
    }
    std::vector<std::uint32_t> out;
    for (const auto& v :
         route::table_isolation{m.dc, wires, tables, t.ends(), t.addresses()}(running))
      if (!v) out.push_back(v.id.value);
    return out;
  }
  /// Whether every card is reached over what is left of the network.
  [[nodiscard]] bool all_reached() {
    const fabric::ib_network left = network_in(network.discover());
    const fabric::ib_tables t{left, tables_in(network.read_back()), "switches"};
    const fabric::forwarding tables = t.by_number();
    for (std::uint32_t lid = 1; lid < t.ends().size(); ++lid)
      if (t.ends()[lid].valid() && first_fault(left.wires, tables, lid, t.ends()[lid]))
        return false;
    return true;
  }
  [[nodiscard]] bool noted(const std::string& text) const {
    for (const std::string& n : store.notes)
      if (n.find(text) != n.npos) return true;
    return false;
  }
};

using fake_world = world<fake_subnet>;
fake_world small_world() {
  const std::string whole = discovered(4, 4, 4);
  return fake_world{whole, [&](test::fake_slurm& slurm, const fabric::ib_network& net) {
                      const std::string first = first_tables(net);
                      return fake_subnet{slurm, whole, first, first};
                    }};
}

}  // namespace

TEST_CASE(
    "whatever is killed or spoilt between two steps of the pilot and its network, every job runs "
    "once and none before the switches keep it apart") {
  enum event { killed, garbage, stale, deaf, events };
  int happened = 0, deaths = 0, crossing = 0;
  for (int what = 0; what < events; ++what)
    for (int step = 0;; ++step) {
      CAPTURE(what);
      CAPTURE(step);
      fake_world w = small_world();
      const std::string first = w.network.switches;
      bool done = false;
      w.slurm.at_step(step, [&] {
        done = true;
        switch (what) {
        case killed:
          throw test::pilot_died{};
        case garbage:
          w.network.file = "no tables";
          break;
        case stale:  // somebody put old ones back
          w.network.file = first;
          w.network.reload();
          break;
        case deaf:
          w.network.deaf = true;
          break;
        default:
          break;
        }
      });
      const int sizes[]{8, 6, 8, 4, 8};
      for (std::uint32_t id = 1; id <= 5; ++id) w.slurm.submit(id, sizes[id - 1], 2);
      for (int t = 0; t < 40 && !w.slurm.all_ended(); ++t) {
        const bool was = done;
        w.look();
        // Spoilt within this look, it is mended by the next; a dead manager by whoever starts it.
        if (w.network.deaf) {
          if (was) w.network.deaf = false;
        } else if (done == was || what == killed) {
          CHECK(w.not_kept().empty());
        }
        if (w.one)
          for (const auto& [id, j] : w.one->jobs().jobs) crossing += j.where.owns_network();
        w.slurm.tick();
      }
      CHECK(w.slurm.all_ended());
      for (const auto& [id, j] : w.slurm.jobs()) {
        CHECK(j.runs.size() == 1);
        CHECK(j.runs.back().completed);
      }
      happened += done;
      deaths += w.deaths;
      if (!done) break;
    }
  CHECK(happened > 200);
  CHECK(deaths > 50);
  CHECK(crossing > 1000);
}

TEST_CASE("a job whose tables the switches do not take stays held and is told why") {
  fake_world w = small_world();
  w.slurm.submit(1, 8, 5);
  w.network.deaf = true;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::held);
  CHECK(w.slurm.jobs().at(1).report.explanation.find(
            "heddle: waits, refused: the switches do not have the tables: leaf") == 0);
  CHECK(w.one->jobs().jobs.empty());
  w.network.deaf = false;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::pending);
  CHECK(w.not_kept().empty());
  CHECK(!w.network.old.empty());
}

TEST_CASE("a spine that is lost is told to those who owned its links, and nobody is placed there") {
  fake_world w = small_world();
  w.slurm.submit(1, 8, 50);
  w.look();
  w.slurm.tick();
  w.look();
  const fabric::placement first = w.one->jobs().jobs.at(1).where;
  const int spine = static_cast<int>(first.links.front().spine.value);
  std::set<std::pair<int, int>> cut;
  for (int l = 0; l < 4; ++l) cut.emplace(l, spine);
  w.network.seen = discovered(4, 4, 4, cut);
  w.look();
  CHECK(w.noted("\"not_isolated\",\"job\":1,\"why\":\"it lost its link at leaf"));
  CHECK(network_in(w.network.seen).dc.spines() == 3);
  CHECK(w.all_reached());
  // Who comes now has links of its own elsewhere.
  w.slurm.submit(2, 6, 50);
  for (int i = 0; i < 3; ++i) {
    w.look();
    w.slurm.tick();
  }
  CHECK(w.slurm.jobs().at(2).report.phase == job_phase::running);
  const fabric::placement second = w.one->jobs().jobs.at(2).where;
  REQUIRE(second.owns_network());
  for (const fabric::link& k : second.links) CHECK(static_cast<int>(k.spine.value) != spine);
  CHECK(w.all_reached());
  for (std::uint32_t id : w.not_kept()) CHECK(id == 1);
  // It is back, without entries: so are its links.
  w.network.seen = discovered(4, 4, 4);
  w.network.switches += "Unicast lids [0x0-0x3] of switch DR path slid 0; dlid 0; 0,1 guid 0x" +
                        test::hex(w.net.switches[4 + static_cast<std::size_t>(spine)]) +
                        " (spine):\n0 valid lids dumped\n";
  w.look();
  CHECK(w.drivers.lost().up.empty());
  CHECK(w.not_kept().empty());
}

TEST_CASE(
    "a running job that loses its link is told so once, and a network without tables says so") {
  fake_world w = small_world();
  w.slurm.submit(1, 8, 50);
  w.look();
  w.slurm.tick();
  w.look();
  const fabric::link k = w.one->jobs().jobs.at(1).where.links.front();
  w.network.seen =
      discovered(4, 4, 4, {{static_cast<int>(k.leaf.value), static_cast<int>(k.spine.value)}});
  w.look();
  CHECK(w.noted("\"not_isolated\",\"job\":1,\"why\":\"it lost its link at leaf"));
  CHECK(w.slurm.jobs().at(1).report.explanation.find(
            "heddle: no longer isolated, it lost its link at leaf") == 0);
  const std::size_t notes = w.store.notes.size();
  w.look();
  CHECK(w.store.notes.size() == notes);
  CHECK(w.all_reached());  // its flows go elsewhere

  w.network.file = w.network.switches = "no tables";
  w.slurm.submit(2, 8, 5);
  w.look();
  CHECK(w.noted("\"network\",\"error\":\"no tables to begin with: the manager's file:1: expected"));
  CHECK(w.slurm.jobs().at(2).report.phase == job_phase::held);
  CHECK(w.network.file == "no tables");
}

namespace {

// OpenSM as it is; the pilot may die before and after each thing that it does there.
struct mortal_subnet {
  opensm_subnet real;
  test::fake_slurm& fate;

  [[nodiscard]] std::string discover() const { return real.discover(); }
  [[nodiscard]] std::optional<std::string> tables() const { return real.tables(); }
  void keep(const std::string& text) const {
    fate.may_die();
    real.keep(text);
    fate.may_die();
  }
  void reload() const {
    fate.may_die();
    real.reload();
    fate.may_die();
  }
  [[nodiscard]] std::string read_back() const { return real.read_back(); }
  static void wait() { opensm_subnet::wait(); }
};

}  // namespace

TEST_CASE("an OpenSM that has ended is told apart from one that runs, and started again where it "
          "is known how") {
  const test::scratch_dir dir;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info;  // it has ended, and its status is still there to be asked for
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
  const std::string pid = dir.write("pid", std::to_string(child));
  const auto said = [&](const std::string& start) -> std::string {
    try {
      opensm_subnet{dir / "tables", pid, {}, start}.reload();
    } catch (const examples::unmet_request& e) {
      return e.what();
    }
    return "";
  };
  CHECK(said("") == "OpenSM has ended, process " + std::to_string(child) + ": start it again");
  CHECK(said("echo not here >&2; exit 3") == "OpenSM was not started: not here");
  CHECK(said("echo started > " + dir / "done") == "");
  CHECK(test::content_of(dir / "done") == "started\n");
  CHECK(::waitpid(child, nullptr, 0) == child);
  CHECK(said("") == "OpenSM has ended, process " + std::to_string(child) + ": start it again");
  dir.write("pid", "none\n");
  CHECK(said("") == pid + ": no process number of OpenSM there");
}

TEST_CASE("a pilot that is killed around its orders to OpenSM is followed by one that ends them, "
          "and OpenSM "
          "may be killed too") {
  if (const std::string what = test::ib_simulator::missing(); !what.empty()) {
    test::skip(what);
    return;
  }
  for (int step = 3; step <= 9; step += 3) {  // about the file, and about the signal
    CAPTURE(step);
    const test::scratch_dir dir;
    test::ib_simulator sim{dir, test::ibsim_leafs_and_spines(4, 4, 4), "n000"};
    REQUIRE(sim.bring_up("-R updn"));
    const std::string whole = sim.discover();
    // Tables that have to be changed: every way up by the next spine.
    fabric::lft_dump first = tables_in(test::content_of(dir / "opensm-lfts.dump"));
    for (std::uint32_t s = 0; s < first.switches.size(); ++s)
      for (std::uint32_t lid = 1; lid < first.tables.lids(); ++lid)
        if (const std::uint8_t p = first.tables.port(s, lid);
            !first.owners[lid].is_switch && first.switches[s].name.find("leaf") == 0 && p > 4 &&
            p < 9)
          first.tables.set(s, lid, static_cast<std::uint8_t>(p == 8 ? 5 : p + 1));
    std::ostringstream out;
    fabric::write_lft(out, first);
    dir.write("now.lfts", out.str());
    sim.stay("now.lfts");
    const std::string pid = dir.write("opensm.pid", std::to_string(sim.opensm()));
    world<mortal_subnet> w{
        whole, [&](test::fake_slurm& slurm, const fabric::ib_network&) {
          return mortal_subnet{{dir / "now.lfts", pid, sim.environment()}, slurm};
        }};
    w.looks = 200;
    w.slurm.submit(1, 8, 50);
    w.slurm.at_step(step, [] { throw test::pilot_died{}; });
    w.look();
    CHECK(w.deaths == 1);
    CHECK(w.not_kept().empty());
    w.look();
    w.slurm.tick();
    REQUIRE_MESSAGE(w.slurm.jobs().at(1).report.phase == job_phase::running, w.store.notes.back());
    CHECK(w.not_kept().empty());
    CHECK(std::filesystem::exists(dir / "now.lfts.old"));
    if (step > 3) continue;
    sim.kill_opensm();
    w.slurm.submit(2, 8, 50);
    w.look();
    CHECK(w.slurm.jobs().at(2).report.phase == job_phase::held);
    CHECK(w.slurm.jobs().at(2).report.explanation.find(
              "heddle: waits, refused: OpenSM has ended, process ") == 0);
    // The pilot may be told how to start it.
    w.network.real = {dir / "now.lfts", pid, sim.environment(),
                      sim.start_line("now.lfts", dir / "opensm.pid")};
    w.look();
    sim.adopt(std::stoi(test::content_of(dir / "opensm.pid")));
    w.slurm.tick();
    CHECK(w.slurm.jobs().at(2).report.phase == job_phase::running);
    CHECK(w.not_kept().empty());
    // A spine is lost, one whose links job 1 owns, and comes back.
    const fabric::link own = w.one->jobs().jobs.at(1).where.links.front();
    std::vector<std::pair<fabric::port_end, fabric::port_end>> cables;
    for (leaf_id l : w.net.dc.all_leafs()) {
      const auto up = *w.net.wires.up(w.net.wires.of(l), w.net.wires.of(own.spine), 0);
      cables.emplace_back(up, w.net.wires.peer(up));
    }
    const auto end = [&](fabric::port_end p) {
      return "\"" + w.net.names[p.at] + "\"[" + std::to_string(p.port) + "]";
    };
    for (const auto& [up, down] : cables) sim.say("Unlink " + end(up));
    w.look();
    CHECK(w.noted("\"not_isolated\",\"job\":1,\"why\":\"it lost its link at leaf"));
    CHECK(w.all_reached());
    for (const auto& [up, down] : cables) sim.say("Link " + end(up) + " " + end(down));
    for (int i = 0; i < 5 && !w.drivers.lost().up.empty(); ++i) w.look();
    CHECK(w.drivers.lost().up.empty());
    CHECK(w.not_kept().empty());
  }
}
