#include <heddle/fabric/read_topology_conf.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"
#include "support/reader_samples.hpp"

using namespace heddle;
using fabric::layout;
using fabric::read_topology_conf;
using fabric::topology_conf_options;

namespace {

// A name with a number; appended, because GCC 12 warns of std::string's own operator+ (GCC PR
// 105651).
std::string numbered(std::string name, int n) { return name += std::to_string(n); }

layout read(const std::string& text, const topology_conf_options& o = {}) {
  std::istringstream in(text);
  return read_topology_conf(in, "t.conf", 8, o);
}
std::string refusal(const std::string& text, const topology_conf_options& o = {}) {
  try {
    (void)read(text, o);
  } catch (const input_error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a topology.conf becomes leafs and spines with its names") {
  std::istringstream in{std::string(test::topology_conf_sample)};
  const layout l = read_topology_conf(in, "t.conf", [](const std::string& host) {
    return host == "login" ? 0 : host == "gpu09" ? 4 : 8;
  });
  const layout expected{
      .leafs = {{"leaf1", {{"gpu01", 8}, {"gpu02", 8}, {"gpu03", 8}}, {1, 1}},
                {"leaf2", {{"gpu08", 8}, {"gpu09", 4}, {"gpu10", 8}, {"login", 0}}, {1, 1}}},
      .spines = {"spine1", "spine2"}};
  CHECK(l == expected);
  const fabric::leaf_spine dc{l};
  CHECK(dc.gpus() == 44);
  CHECK(dc.links() == 4);
}

TEST_CASE("one upper switch may stand for several spines and links") {
  const layout l =
      read("SwitchName=a Nodes=n[1-2]\nSwitchName=b Nodes=n3\nSwitchName=top Switches=a,b\n",
           {.links_per_pair = 2, .spines_per_switch = 3, .link_gbps = 200});
  CHECK(l.spines == std::vector<std::string>{"top/0", "top/1", "top/2"});
  CHECK(l.leafs[0].links == std::vector<int>{2, 2, 2});
  CHECK(l.leafs[1].links == std::vector<int>{2, 2, 2});
  CHECK(l.link_gbps == 200);
  CHECK(fabric::leaf_spine{l}.links() == 12);
}

TEST_CASE("switches may stand in any order and spines over some leafs only") {
  const layout l = read("SwitchName=s1 Switches=b\nSwitchName=a Nodes=n1\nSwitchName=s2 "
                        "Switches=a,b\nSwitchName=b Nodes=n2\n");
  CHECK(l.spines == std::vector<std::string>{"s1", "s2"});
  REQUIRE(l.leafs.size() == 2);
  CHECK(l.leafs[0].name == "a");
  CHECK(l.leafs[0].links == std::vector<int>{0, 1});
  CHECK(l.leafs[1].links == std::vector<int>{1, 1});
}

TEST_CASE("one leaf alone needs no spine") {
  const layout l = read("SwitchName=only Nodes=n[1-4]");
  CHECK(l.leafs.size() == 1);
  CHECK(l.spines.empty());
}

TEST_CASE("comments, continued lines, blanks and capitals are as in Slurm") {
  const std::string tail = "SwitchName=s Switches=a\n";
  const layout plain = read("SwitchName=a Nodes=n1,n2\n" + tail);
  for (const char* same : {
           "# x\n\n  switchname=a   nodes=n1,n2 # y\r\n",
           "SWITCHNAME=a \\\nNodes=n1,n2\n",
           "SwitchName=a \\  \r\n\\\n Nodes=n[1-2]\n",
           "SwitchName = \"a\" Nodes\t=\t\"n1,n2\" LinkSpeed=10\n",
           "SwitchName=a \\ # continued\n Nodes=n1,n2\n",
           "SwitchName=a\\\n Nodes=n1,\\\nn2\n",
           "\xef\xbb\xbfSwitchName=a Nodes=n1, \\\n\nSwitchName=a Nodes=n1,n2\n",
       }) {
    CAPTURE(same);
    if (std::string(same).starts_with("\xef"))
      CHECK(refusal(same + tail).find("a name between the commas") != std::string::npos);
    else
      CHECK(read(same + tail) == plain);
  }
  CHECK(read("SwitchName=a Nodes=n1\nSwitchName=s Switches=a\\").spines.size() == 1);
}

TEST_CASE("a line of topology.conf that is not right is refused where it begins") {
  const auto at_two = [](const std::string& line) {
    return refusal("SwitchName=x Nodes=m\n" + line);
  };
  CHECK(at_two("SwitchName=a") ==
        "t.conf:2: expected either Nodes or Switches of switch \"a\", got neither");
  CHECK(at_two("SwitchName=a Nodes=n Switches=x") ==
        "t.conf:2: expected either Nodes or Switches of switch \"a\", got both");
  CHECK(at_two("SwitchName=a Nodes=") == "t.conf:2: expected a value of Nodes, got nothing");
  CHECK(at_two("SwitchName=a Nodes=\"\"") == "t.conf:2: expected a value of Nodes, got nothing");
  CHECK(at_two("SwitchName=a Nodes=\"n") == "t.conf:2: expected a closing quote, got \"n\"");
  CHECK(at_two("SwitchName=a Nodes") == "t.conf:2: expected key=value, got \"Nodes\"");
  CHECK(at_two("SwitchName=a b Nodes=n") == "t.conf:2: expected key=value, got \"b Nodes=n\"");
  CHECK(at_two("SwitchName=a Nodes=n1 Nodes=n2") == "t.conf:2: expected Nodes once, got twice");
  CHECK(at_two("SwitchName=a SwitchName=b Nodes=n") ==
        "t.conf:2: expected SwitchName once, got twice");
  CHECK(at_two("SwitchName=a LinkSpeed=1 LinkSpeed=1 Nodes=n") ==
        "t.conf:2: expected LinkSpeed once, got twice");
  CHECK(at_two("SwitchName=a[1-2] Nodes=n") ==
        "t.conf:2: expected the name of one switch, got \"a[1-2]\"");
  CHECK(at_two("SwitchName=a Ports=3 Nodes=n") ==
        "t.conf:2: expected Nodes, Switches or LinkSpeed, got \"Ports\"");
  CHECK(at_two("BlockName=b Nodes=n") ==
        "t.conf:2: expected SwitchName first (the file of topology/tree), got \"BlockName\"");
  CHECK(at_two("\nSwitchName=a \\\n  Nodes=n[3-1]") ==
        "t.conf:3: expected ranges of a host list to run upwards, got \"n[3-1]\"");
  CHECK(refusal("# nothing\n") == "t.conf: expected a line with SwitchName, got none");
  CHECK(refusal("") == "t.conf: expected a line with SwitchName, got none");
  CHECK(refusal(std::string("Switch\0", 7)) ==
        "t.conf:1: expected a text file, got a binary one (a zero byte)");
}

TEST_CASE("a topology.conf of another shape than two tiers is refused") {
  const std::string leafs = "SwitchName=a Nodes=n1\nSwitchName=b Nodes=n2\n";
  CHECK(refusal(leafs) == "t.conf:1: expected leaf \"a\" under a switch, got none above it");
  CHECK(refusal(leafs + "SwitchName=s Switches=a") ==
        "t.conf:2: expected leaf \"b\" under a switch, got none above it");
  CHECK(refusal(leafs + "SwitchName=s Switches=a,b\nSwitchName=t Switches=s") ==
        "t.conf:4: expected a leaf under switch \"t\" (two tiers), got switch \"s\", which is "
        "above others");
  CHECK(refusal(leafs + "SwitchName=s Switches=a,b,s") ==
        "t.conf:3: expected a leaf under switch \"s\" (two tiers), got the switch itself (a loop)");
  CHECK(refusal(leafs + "SwitchName=s Switches=t\nSwitchName=t Switches=s") ==
        "t.conf:3: expected a leaf under switch \"s\" (two tiers), got switch \"t\", which is "
        "above others");
  CHECK(refusal(leafs + "SwitchName=s Switches=a,c") ==
        "t.conf:3: expected switches that the file describes, got \"c\"");
  CHECK(refusal(leafs + "SwitchName=s Switches=a,b,a") ==
        "t.conf:3: expected each switch once under \"s\", got \"a\" twice");
  CHECK(refusal(leafs + "SwitchName=c Nodes=n3,n1") ==
        "t.conf:3: expected each node under one leaf, got \"n1\" again, first in line 1");
  CHECK(refusal(leafs + "SwitchName=c Nodes=n[3-4],n[4-5]") ==
        "t.conf:3: expected each node under one leaf, got \"n4\" again, first in line 3");
  CHECK(refusal(leafs + "SwitchName=a Nodes=n3") ==
        "t.conf:3: expected each switch once, got \"a\" again, first in line 1");
}

TEST_CASE("what topology.conf does not say must make sense") {
  const std::string text = "SwitchName=a Nodes=n1\nSwitchName=s Switches=a";
  CHECK(refusal(text, {.links_per_pair = 0}) ==
        "topology_conf_options: expected at least 1 link and 1 spine, got 0 and 1");
  CHECK(refusal(text, {.spines_per_switch = 1 << 30}) ==
        "t.conf: expected at most 2^28 pairs of a leaf and a spine, got more");
  std::istringstream in(text);
  CHECK_THROWS_WITH_AS((void)read_topology_conf(in, "t.conf", -1),
                       "t.conf:1: expected 0 to 1048576 GPUs of host \"n1\", got -1", input_error);
}

TEST_CASE("random networks written as topology.conf are read back") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    layout l;
    const int leafs = d.between(1, 6), spines = d.between(1, 4);
    for (int s = 0; s < spines; ++s) l.spines.push_back(numbered("spine", s));
    for (int i = 0; i < leafs; ++i) {
      fabric::leaf_layout leaf{.name = numbered("leaf", i), .links = {}};
      for (int h = d.between(1, 5); h > 0; --h)
        leaf.servers.push_back({numbered(numbered("n", i) + "x", h), 8});
      for (int s = 0; s < spines; ++s) leaf.links.push_back(d.chance(.7) ? 3 : 0);
      leaf.links[d.index(leaf.links.size())] = 3;
      l.leafs.push_back(leaf);
    }
    std::vector<std::string> lines;
    for (const auto& leaf : l.leafs) {
      std::string line = "SwitchName=" + leaf.name + " Nodes=";
      for (const auto& s : leaf.servers) line += (line.back() == '=' ? "" : ",") + s.name;
      lines.push_back(line);
    }
    // A spine that no leaf has a link to cannot be told in the file: it drops out.
    for (std::size_t s = l.spines.size(); s-- > 0;) {
      std::string line = "SwitchName=" + l.spines[s] + " Switches=";
      for (const auto& leaf : l.leafs)
        if (leaf.links[s] > 0) line += (line.back() == '=' ? "" : ",") + leaf.name;
      if (line.back() != '=') {
        lines.insert(lines.begin() + leafs, line);
        continue;
      }
      l.spines.erase(l.spines.begin() + static_cast<std::ptrdiff_t>(s));
      for (auto& leaf : l.leafs)
        leaf.links.erase(leaf.links.begin() + static_cast<std::ptrdiff_t>(s));
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    CAPTURE(text);
    REQUIRE(read(text, {.links_per_pair = 3}) == l);
  }
}
