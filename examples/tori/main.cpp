// heddle-tori: jobs that ask for meshes, on a torus or on cubes, under one placement policy after another.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/random.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/reconfigured.hpp>
#include <heddle/place/torus_boxes.hpp>
#include <heddle/place/verify_mesh.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/jobs.hpp>

#include "common/program.hpp"
#include "common/table.hpp"
#include "tori/torus_file.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

template <class Fabric>
using any_place =
    std::function<place::answer(const fabric::ledger<Fabric>&, const place::request&)>;

template <class Fabric>
struct contender {
  std::string_view name;
  std::string_view what;
  any_place<Fabric> (*make)(bool closed);
};

const std::vector<contender<fabric::torus>> on_torus{
    {"torus_first_fit", "the first free box",
     [](bool closed) -> any_place<fabric::torus> { return place::torus_first_fit{closed}; }},
    {"folded", "the first free box, also one that the mesh is folded into",
     [](bool closed) -> any_place<fabric::torus> { return place::folded{closed}; }},
    {"best_fit", "the box after which the largest free one is largest",
     [](bool closed) -> any_place<fabric::torus> { return place::best_fit{closed}; }}};
const std::vector<contender<fabric::cubes>> on_cubes{
    {"reconfigured", "boxes in parts, each in any cube",
     [](bool closed) -> any_place<fabric::cubes> { return place::reconfigured{closed}; }},
    {"folded_reconfigured", "the same, folded, and paths through what is free",
     [](bool closed) -> any_place<fabric::cubes> { return place::folded_reconfigured{closed}; }}};

template <class Fabric>
const std::vector<contender<Fabric>>& all_of() {
  if constexpr (std::is_same_v<Fabric, fabric::torus>)
    return on_torus;
  else
    return on_cubes;
}
name_lines place_names() {
  name_lines out = lines_of(on_torus);
  for (const name_line& l : lines_of(on_cubes)) out.push_back(l);
  return out;
}

/// Either admission, so that the scheduler is compiled once.
struct admission {
  bool easy = false;

  template <class Desk>
  void operator()(Desk& d) const {
    if (easy)
      admit::easy{}(d);
    else
      admit::in_order{}(d);
  }
};

struct arguments {
  std::string cluster, jobs;
  std::vector<std::string> places, admits{"in_order"};
  bool closed = false, times = false, drop = false;
};

/// Asks a policy, and keeps how long it took in CPU time.
template <class Fabric>
struct timed {
  any_place<Fabric> ask;
  std::vector<double>* us;

  place::answer operator()(const fabric::ledger<Fabric>& free, const place::request& job) {
    const auto now = [] {
      std::timespec t{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return 1e6 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_nsec);
    };
    const double begin = now();
    place::answer a = ask(free, job);
    us->push_back(now() - begin);
    return a;
  }
};

/// Books what is started in a ledger of its own, and checks each mesh there.
template <class Fabric>
struct checker {
  fabric::ledger<Fabric> book;
  bool closed;
  std::size_t checked = 0;

  void operator()(const sim::started& e) {
    const job_id id = e.what.job;
    if (book.reserve(id, e.what.where) != fabric::reserve_status::reserved)
      throw unmet_request("job " + std::to_string(id.value) + " has what is not free");
    if (const auto fault = place::mesh_fault(book, id, {e.what.where.shape, closed}))
      throw unmet_request("job " + std::to_string(id.value) + ": " + *fault);
    ++checked;
  }
  void operator()(const sim::finished& e) { book.release(e.record.id); }
};

double part(std::vector<double>& all, double q) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end());
  return all[std::min(all.size() - 1,
                      static_cast<std::size_t>(q * static_cast<double>(all.size())))];
}

/// One speed for all: a job takes the time that the trace gives it.
model::workload with_one_point(std::vector<job> jobs) {
  model::workload w;
  std::set<int> counts;
  for (const job& j : jobs) counts.insert(j.gpus);
  std::vector<model::operating_point> points;
  for (int n : counts)
    points.push_back(
        {.config = {.gpus = n, .servers = (n + 3) / 4, .local_batch = 1, .clock_ghz = 1},
         .throughput = 1.0 * n,
         .power_w = 200.0 * n,
         .waiting_power_w = 100.0 * n});
  w.curves.push_back(model::curve{points});
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

/// Those that a policy can place on the empty cluster.
template <class Fabric>
model::workload possible(const Fabric& dc, const model::workload& all, any_place<Fabric> ask) {
  const fabric::ledger<Fabric> empty{dc};
  std::map<box_shape, bool> can;
  std::vector<job> jobs;
  for (const job& j : all.jobs) {
    const auto [at, is_new] = can.try_emplace(j.shape, true);
    if (is_new || j.shape.empty())
      at->second = static_cast<bool>(ask(empty, {j.id, j.gpus, j.vc, j.shape}));
    if (at->second) jobs.push_back(j);
  }
  return with_one_point(std::move(jobs));
}

template <class Fabric>
std::string table_of(const Fabric& dc, const model::workload& all, const arguments& a) {
  std::string out =
      "| policy | admission | finished | mean JCT s | mean wait s | p99 wait s | used | checked |";
  out += a.times ? " questions | CPU p50 | p99 us |\n" : "\n";
  out += a.times ? "|---|---|---|---|---|---|---|---|---|---|---|\n"
                 : "|---|---|---|---|---|---|---|---|\n";
  for (const contender<Fabric>& c : all_of<Fabric>()) {
    if (!a.places.empty() && std::find(a.places.begin(), a.places.end(), c.name) == a.places.end())
      continue;
    for (const std::string& admit : a.admits) {
      std::vector<double> us;
      const model::workload w = a.drop ? possible<Fabric>(dc, all, c.make(a.closed)) : all;
      checker<Fabric> check{fabric::ledger<Fabric>{dc}, a.closed};
      schedule::scheduler plan{order::fifo{}, allocate::requested{},
                               timed<Fabric>{c.make(a.closed), &us}, route::source{},
                               admission{admit == "easy"}};
      const sim::report r = sim::run(dc, w, plan, {}, check);
      out += "| `" + std::string(c.name) + "` | `" + admit + "` | " + grouped(r.finished) + " of " +
             grouped(all.size()) + " | " + fixed(r.mean_jct_s, 0) + " | " + fixed(r.mean_jwt_s, 0) +
             " | " + fixed(r.p99_jwt_s, 0) + " | " + percent(r.gpu_utilization) + " | " +
             grouped(check.checked) + " |";
      if (a.times)
        out += " " + grouped(us.size()) + " | " + fixed(part(us, .5), 1) + " | " +
               fixed(part(us, .99), 0) + " |";
      out += "\n";
    }
  }
  return out;
}

int run(const arguments& a) {
  const any_torus dc = read_torus(json_file{a.cluster});
  const int chips = std::visit([](const auto& f) { return f.hosts().gpus(); }, dc);
  std::ifstream in(a.jobs);
  if (!in) throw input_error(a.jobs + ":1", "a readable file", "none");
  const model::workload w = with_one_point(trace::read_jobs(in, a.jobs, {.max_gpus = chips}));
  whole_files files;
  files.add("-", std::visit(
                     [&](const auto& f) {
                       using kind = std::remove_cvref_t<decltype(f)>;
                       for (const std::string& name : a.places)
                         (void)find_named(all_of<kind>(), "--place", name);
                       return table_of(f, w, a);
                     },
                     dc));
  files.commit();
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-tori",
      "Runs jobs that ask for meshes on a torus or on cubes, under several policies.", argc, argv,
      [&](CLI::App& app) {
        add_names(app, {{"--place", "which chips and circuits a job gets", place_names()},
                        {"fabric", "the kinds of fabric of a cluster file", torus_fabric_names()}});
        app.add_option("--cluster", a.cluster, "cluster JSON")->required();
        app.add_option("--jobs", a.jobs, "job CSV, with a column `shape`")->required();
        app.add_option("--place", a.places,
                       "which chips and circuits a job gets: " + listed(place_names()) +
                           " (else: all of this fabric)");
        app.add_option("--admit", a.admits,
                       "in_order: the first that cannot start blocks all behind it; easy: "
                       "others pass it if they do not delay it")
            ->check(CLI::IsMember({"in_order", "easy"}))
            ->capture_default_str();
        app.add_flag("--closed", a.closed, "rows longer than 2 are rings");
        app.add_flag("--drop", a.drop,
                     "leave out jobs that a policy cannot place on the empty cluster: they would "
                     "block all behind them for ever");
        app.add_flag("--times", a.times, "how long policies took, in CPU time");
      },
      [&] { return run(a); });
}
