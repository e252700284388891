// One cluster, as six versions of Slurm would print it.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "slurm_pilot/read_slurm.hpp"

namespace {

using namespace heddle::pilot;
using json = nlohmann::json;

enum class form : unsigned char { v22_05, v23_02, v23_11, v24_05, v24_11, text };
constexpr form forms[]{form::v22_05, form::v23_02, form::v23_11,
                       form::v24_05, form::v24_11, form::text};

/// Where the GPUs of a job are told.
enum class field : unsigned char { job, node, task, socket, requested, allocated, detail, nowhere };

struct true_job {
  int id = 0, priority = 0, nodes = 1, each = 1, limit_min = 0, restarts = 0;
  std::vector<std::string> states;  // the first is the base, others are flags
  field told = field::job;
  bool array = false, het = false, depends = false, exclusive = false;
  std::string at, required, partition = "p", comment, type;
  [[nodiscard]] int gpus() const { return nodes * each; }
  [[nodiscard]] bool has_nodes() const { return !at.empty(); }
};
struct true_node {
  std::string name, state, type;
  std::vector<std::string> flags, partitions;
  int gpus = 0, used = 0;
};

std::string gres(form v, const std::string& type, int n) {
  const bool slash = v == form::v23_11 || v == form::v24_05 || v == form::v24_11;
  const std::string sign = slash ? "/" : ":";
  return "gres" + sign + "gpu:" + (type.empty() ? "" : type + ":") + std::to_string(n);
}
std::string tres(const true_job& j, bool with_gpus) {
  std::string out = "cpu=4,mem=8G,node=" + std::to_string(j.nodes) + ",billing=4";
  if (with_gpus) out += ",gres/gpu=" + std::to_string(j.gpus());
  if (with_gpus && !j.type.empty()) out += ",gres/gpu:" + j.type + "=" + std::to_string(j.gpus());
  return out;
}
json number(form v, int n, bool set = true) {
  if (v == form::v22_05) return set ? json(n) : json(nullptr);
  return {{"set", set}, {"infinite", false}, {"number", n}};
}
json words(form v, const std::vector<std::string>& all, form since) {
  if (v < since) return all.back();  // of several, Slurm names the flag
  return all;
}

std::string per(form v, const true_job& j, field which) {
  if (j.told != which) return "";
  const int n = which == field::job    ? j.gpus()
                : which == field::node ? j.each
                : which == field::task ? 1
                                       : j.each / 2;
  return gres(v, j.type, n);
}
int tasks(const true_job& j) { return j.told == field::task ? j.gpus() : j.nodes; }

json print(form v, const true_job& j) {
  json out{{"job_id", j.id},
           {"job_state", words(v, j.states, form::v23_11)},
           {"state_reason", j.has_nodes()     ? "None"
                            : j.priority == 0 ? "JobHeldUser"
                                              : "Priority"},
           {"priority", number(v, j.priority)},
           {"array_job_id", number(v, j.array ? j.id : 0)},
           {"het_job_id", number(v, j.het ? j.id : 0)},
           {"dependency", j.depends ? "afterok:1(unfulfilled)" : ""},
           {"partition", j.partition},
           {"comment", j.comment},
           {"admin_comment", ""},
           {"node_count", number(v, j.nodes)},
           {"tasks", number(v, tasks(j))},
           {"nodes", j.at},
           {"required_nodes", j.required},
           {"submit_time", v >= form::v23_11 ? number(v, 1000 + j.id) : json(1000 + j.id)},
           {"time_limit", number(v, j.limit_min, j.limit_min > 0)},
           {"restart_cnt", j.restarts},
           {"sockets_per_node", number(v, 2, j.told == field::socket)},
           {"tres_per_job", per(v, j, field::job)},
           {"tres_per_node", per(v, j, field::node)},
           {"tres_per_task", per(v, j, field::task)},
           {"tres_per_socket", per(v, j, field::socket)},
           {"tres_req_str", tres(j, j.told == field::requested)},
           {"tres_alloc_str", j.has_nodes() ? tres(j, j.told == field::allocated) : ""},
           {"gres_detail", json::array()}};
  if (j.told == field::detail)
    for (int i = 0; i < j.nodes; ++i)
      out["gres_detail"].push_back("gpu:" + (j.type.empty() ? "" : j.type + ":") +
                                   std::to_string(j.each) + "(IDX:0" +
                                   (j.each > 1 ? "-" + std::to_string(j.each - 1) : "") + ")");
  if (v >= form::v24_05) {
    out["shared"] = json::array();
    out["exclusive"] = j.exclusive ? json{"true"} : json::array();
    out["job_resources"] = {{"nodes", {{"count", j.nodes}, {"list", j.at}}}};
    if (v == form::v24_11) out.erase("nodes");
  } else if (v == form::v22_05) {
    out["shared"] = j.exclusive ? json("none") : json(nullptr);
  } else {
    out["shared"] = j.exclusive ? json{"none"} : json::array();
  }
  return out;
}
std::string print_text(const true_job& j) {
  const auto or_none = [](const std::string& s) { return s.empty() ? std::string("N/A") : s; };
  const auto field_of = [&](field f) { return or_none(per(form::v22_05, j, f)); };
  // What only JSON has stands in tres-alloc here.
  const bool in_sum =
      j.told == field::requested || j.told == field::allocated || j.told == field::detail;
  const std::string id = std::to_string(j.id);
  const std::string limit = j.limit_min == 0 ? "UNLIMITED"
                            : j.limit_min % 60 != 0
                                ? std::to_string(j.limit_min) + ":00"
                                : std::to_string(j.limit_min / 1440) + "-" +
                                      std::to_string(j.limit_min / 60 % 24) + ":00:00";
  std::string out;
  for (const std::string& f : {j.states.back(),
                               id,
                               std::to_string(j.priority),
                               std::to_string(j.nodes),
                               std::to_string(tasks(j)),
                               field_of(field::job),
                               field_of(field::node),
                               field_of(field::task),
                               field_of(field::socket),
                               std::string(j.told == field::socket ? "2" : "*"),
                               tres(j, in_sum),
                               std::string(j.exclusive ? "NO" : "OK"),
                               limit,
                               std::to_string(1000 + j.id),
                               std::to_string(j.restarts),
                               j.array ? id + "_[1-3]" : id,
                               std::string(j.het ? id : "N/A"),
                               std::string(j.depends ? "afterok:1(unfulfilled)" : "(null)"),
                               std::string(j.has_nodes()     ? "None"
                                           : j.priority == 0 ? "JobHeldUser"
                                                             : "Priority"),
                               j.required,
                               j.at,
                               j.partition,
                               std::string("(null)")})
    out += f + "|";
  return out + (j.comment.empty() ? "(null)" : j.comment) + "     \n";
}

std::string node_gres(const true_node& n) {
  return "gpu:" + (n.type.empty() ? "" : n.type + ":") + std::to_string(n.gpus) + "(S:0-1)";
}
std::string print_nodes(form v, const std::vector<true_node>& all) {
  json list = json::array();
  std::string text;
  for (const true_node& n : all) {
    std::vector<std::string> states{n.state};
    states.insert(states.end(), n.flags.begin(), n.flags.end());
    const std::string used = "gpu:" + (n.type.empty() ? "" : n.type + ":") + std::to_string(n.used);
    std::string joined;
    for (const std::string& s : states) joined += (joined.empty() ? "" : "+") + detail::lower(s);
    for (const std::string& p : n.partitions)
      text += n.name + "|" + joined + "|" + node_gres(n) + "|" + used + "|" + p + "|\n";
    if (v == form::v22_05) {
      list.push_back({{"name", n.name},
                      {"gres", node_gres(n)},
                      {"gres_used", used},
                      {"state", detail::lower(n.state)},
                      {"state_flags", n.flags},
                      {"partitions", n.partitions}});
      continue;
    }
    for (const std::string& p : n.partitions)
      list.push_back({{"node", {{"state", states}}},
                      {"nodes", {{"nodes", {n.name}}}},
                      {"gres", {{"total", node_gres(n)}, {"used", used}}},
                      {"partition", {{"name", p}}}});
  }
  if (v == form::text) return text;
  return json{{v == form::v22_05 ? "nodes" : "sinfo", list}}.dump();
}

class dice {
 public:
  explicit dice(std::uint32_t seed) : d_(seed) {}
  int below(int n) { return static_cast<int>(d_() % static_cast<std::uint32_t>(n)); }
  bool one_in(int n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& v) {
    return v[static_cast<std::size_t>(below(static_cast<int>(v.size())))];
  }

 private:
  std::mt19937 d_;
};

true_job random_job(int id, dice& d) {
  // With several words, the last is what versions say that have one alone.
  static const std::vector<std::vector<std::string>> with_nodes{{"RUNNING"},
                                                                {"RUNNING", "CONFIGURING"},
                                                                {"SUSPENDED"},
                                                                {"COMPLETED", "COMPLETING"},
                                                                {"CANCELLED", "COMPLETING"},
                                                                {"RUNNING", "SIGNALING"},
                                                                {"RUNNING", "STOPPED"}};
  static const std::vector<std::vector<std::string>> without{
      {"PENDING"},   {"PENDING"},  {"PENDING"}, {"PENDING", "REQUEUE_HOLD"},
      {"COMPLETED"}, {"PREEMPTED"}};
  true_job j{
      .id = id, .priority = d.below(2) * 77, .nodes = 1 + d.below(4), .each = 2 * (1 + d.below(4))};
  const bool runs = d.below(2) == 0;
  j.states = d.of(runs ? with_nodes : without);
  if (runs) {
    const int first = d.below(4);
    j.at = j.nodes == 1
               ? "n" + std::to_string(first)
               : "n[" + std::to_string(first) + "-" + std::to_string(first + j.nodes - 1) + "]";
    j.priority = 5;
    j.told = d.of(std::vector{field::job, field::node, field::task, field::socket, field::requested,
                              field::allocated, field::detail, field::nowhere});
  } else {
    j.told = d.of(std::vector{field::job, field::node, field::task, field::socket, field::requested,
                              field::nowhere});
    if (d.one_in(4)) j.required = "n1,n3";
  }
  if (j.told == field::requested && runs) j.told = field::allocated;  // text has one field for both
  j.limit_min = d.of(std::vector{0, 7, 60, 1500 * 60});
  j.restarts = d.below(3);
  j.array = d.one_in(8);
  j.het = !j.array && d.one_in(8);
  j.depends = d.one_in(8);
  j.exclusive = d.one_in(8);
  j.partition = d.of(std::vector<std::string>{"p", "q"});
  j.comment = d.of(
      std::vector<std::string>{"", "model=bert collective=ring", "a|b", "\xc3\xa9t\xc3\xa9 \"x\""});
  j.type = d.of(std::vector<std::string>{"", "a100"});
  return j;
}
true_node random_node(int i, dice& d) {
  true_node n{.name = "n" + std::to_string(i)};
  n.state = d.of(
      std::vector<std::string>{"IDLE", "MIXED", "ALLOCATED", "DOWN", "IDLE", "FUTURE", "UNKNOWN"});
  n.flags = d.of(std::vector<std::vector<std::string>>{{},
                                                       {},
                                                       {},
                                                       {"DRAIN"},
                                                       {"CLOUD", "POWERED_DOWN"},
                                                       {"POWERING_UP", "NOT_RESPONDING"},
                                                       {"NOT_RESPONDING"},
                                                       {"PLANNED"},
                                                       {"RESERVED"},
                                                       {"DYNAMIC_NORM"},
                                                       {"COMPLETING"},
                                                       {"POWERING_DOWN"},
                                                       {"MAINTENANCE"},
                                                       {"FAIL"}});
  n.type = d.of(std::vector<std::string>{"", "a100", "1g.5gb"});
  n.partitions = d.of(std::vector<std::vector<std::string>>{{"p"}, {"q"}, {"p", "q"}});
  n.gpus = 1 + d.below(8);
  n.used = d.below(n.gpus + 1);
  return n;
}

}  // namespace

TEST_CASE("random clusters look the same in the JSON of five versions and in text") {
  int held = 0, running = 0, untold = 0, usable = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    dice d{seed};
    std::vector<true_job> jobs;
    std::vector<true_node> nodes;
    for (int i = 1; i <= 12; ++i) jobs.push_back(random_job(i, d));
    for (int i = 0; i < 8; ++i) nodes.push_back(random_node(i, d));
    std::vector<job_report> first_jobs;
    std::vector<node_report> first_nodes;
    for (const form v : forms) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(v));
      std::vector<job_report> seen;
      if (v == form::text) {
        std::string text;
        for (const true_job& j : jobs) text += print_text(j);
        seen = read_jobs_text(text);
      } else {
        json list = json::array();
        for (const true_job& j : jobs) list.push_back(print(v, j));
        seen = read_jobs_json(json{{"jobs", list}, {"errors", json::array()}}.dump());
      }
      const auto seen_nodes = v == form::text ? read_nodes_text(print_nodes(v, nodes))
                                              : read_nodes_json(print_nodes(v, nodes));
      REQUIRE(seen.size() == jobs.size());
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        const true_job& j = jobs[i];
        CAPTURE(j.id);
        const bool unknown = j.told == field::nowhere;
        CHECK(seen[i].gpus == (unknown ? 0 : j.gpus()));
        CHECK(seen[i].gpus_told == !(unknown && j.has_nodes()));
        for (int n : seen[i].gpus_on) CHECK(n == j.each);
        CHECK(seen[i].nodes.size() == static_cast<std::size_t>(j.has_nodes() ? j.nodes : 0));
        CHECK(seen[i].exclusive == j.exclusive);
        CHECK(seen[i].whole == !(j.array || j.het));
        held += seen[i].phase == job_phase::held;
        running += seen[i].phase == job_phase::running;
        untold += !seen[i].gpus_told;
        // What fields do not tell.
        if (v != form::v22_05)
          CHECK((v == form::text || seen[i].gpu_numbers == first_jobs[i].gpu_numbers));
      }
      if (v == form::v22_05) {
        first_jobs = seen;
        first_nodes = seen_nodes;
      }
      for (std::size_t i = 0; i < seen.size(); ++i) {
        job_report a = seen[i], b = first_jobs[i];
        for (job_report* r : {&a, &b}) {
          r->gpu_numbers.clear();
          r->gpus_on.clear();
        }
        CHECK(a == b);
      }
      CHECK(seen_nodes == first_nodes);
      for (const node_report& n : seen_nodes) usable += n.usable;
    }
  }
  CHECK(held > 300);
  CHECK(running > 300);
  CHECK(untold > 100);
  CHECK(usable > 500);
}
