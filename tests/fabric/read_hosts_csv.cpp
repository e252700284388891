// Tables of hosts with the switches above them; one of a real three-tier network.
#include <heddle/fabric/read_hosts_csv.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/network_form.hpp>

#include "support/shared_data.hpp"

using namespace heddle;

namespace {

fabric::switch_tree tree_of(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_hosts_csv_tree(in, "hosts.csv");
}
void check_refused(const std::string& text, const std::string& message) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS((void)tree_of(text), message.c_str(), input_error);
}

}  // namespace

TEST_CASE("a real network of three tiers is read whole with its pods joined") {
  HEDDLE_SHARED_FILE(file, "data/topology/lingjun_clos.csv");
  std::ifstream in(file);
  const fabric::layout found =
      fabric::read_hosts_csv(in, file.string(), 8, {.spines_per_leaf = 64});
  const fabric::leaf_spine dc{found};
  CHECK(dc.servers() == 847);
  CHECK(dc.gpus() == 8 * 847);
  CHECK(dc.leafs() == 119);
  CHECK(dc.gpus_per_leaf() == 64);
  CHECK(dc.spines() == 3 * 64);
  CHECK(dc.cores() == 64 * 48);
  REQUIRE(dc.hosts().pods() == 3);
  std::vector<std::size_t> units, servers;
  for (pod_id p : dc.hosts().all_pods()) {
    units.push_back(dc.hosts().units_of(p).size());
    servers.push_back(0);
    for (unit_id x : dc.hosts().units_of(p)) servers.back() += dc.servers_of(x).size();
  }
  std::sort(units.begin(), units.end());
  std::sort(servers.begin(), servers.end());
  CHECK(units == std::vector<std::size_t>{29, 42, 48});
  CHECK(servers == std::vector<std::size_t>{179, 306, 362});
  CHECK(fabric::ledger{dc}.islands().all_joined());
}

TEST_CASE("a table of hosts is a tree in whatever order its columns and rows stand") {
  const fabric::switch_tree t =
      tree_of("# of a cluster\npsw,host,asw,dsw\np1,a,s1,g\np2,b,s1,g\np1,c,s2,g\n\np1,d,s1,g\n");
  std::map<std::string, std::vector<std::string>> below, nodes;
  for (const fabric::named_switch& s : t.switches) {
    below[s.name] = s.switches;
    nodes[s.name];
    for (const fabric::named_node& n : s.nodes) nodes[s.name].push_back(n.name);
  }
  using names = std::vector<std::string>;
  CHECK(below["g"] == names{"p1", "p2"});
  CHECK(below["p1"] == names{"g/p1/s1", "s2"});
  CHECK(below["p2"] == names{"g/p2/s1"});
  CHECK(nodes["g/p1/s1"] == names{"a", "d"});
  CHECK(nodes["g/p2/s1"] == names{"b"});
  CHECK(nodes["s2"] == names{"c"});
  CHECK(t.switches.size() == 6);

  CHECK(fabric::form_of_network("host,dsw\n0,g\n") == fabric::network_form::hosts_csv);
  CHECK(fabric::form_of_network("# of a cluster\nAsw , Host\n") == fabric::network_form::hosts_csv);
  CHECK(fabric::form_of_network("job_id,submit_s,host\n") == fabric::network_form::unknown);
  CHECK(fabric::form_of_network("host\n") == fabric::network_form::unknown);
}

TEST_CASE("a table of hosts that does not say what it should is refused with its line") {
  check_refused(
      "",
      "hosts.csv:0: expected columns host and of the switches above it, by commas, got nothing");
  check_refused("node,leaf\na,s\n", "hosts.csv:1: expected columns host and of the switches above "
                                    "it, by commas, got \"node,leaf\"");
  check_refused("host,leaf,Leaf\n", "hosts.csv:1: expected each column once, got \"Leaf\" twice");
  check_refused("host,leaf,\n", "hosts.csv:1: expected a name for each column, got none");
  check_refused("host,leaf\n", "hosts.csv: expected a host, got none");
  check_refused("host,leaf\na,s,t\n", "hosts.csv:2: expected 2 columns, got 3");
  check_refused("host,leaf\na,\n", "hosts.csv:2: expected a name as leaf, got nothing");
  check_refused("host,leaf\na,s\nb,s\na,t\n",
                "hosts.csv:4: expected each host once, got \"a\", which line 2 names");
}
