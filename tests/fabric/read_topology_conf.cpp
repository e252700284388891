#include <heddle/fabric/read_topology_conf.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"
#include "support/reader_samples.hpp"
#include "support/refusal.hpp"

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
  return test::refusal_of([&] { return read(text, o); });
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
           "\xef\xbb\xbfSwitchName=a Nodes=n1,,n2, LinkSpeed=\n",
       }) {
    CAPTURE(same);
    CHECK(read(same + tail) == plain);
  }
  CHECK(read("SwitchName=a Nodes=n1\nSwitchName=s Switches=a\\").spines.size() == 1);
}

TEST_CASE("a line of topology.conf that is not right is refused where it begins") {
  const auto at_two = [](const std::string& line) {
    return refusal("SwitchName=x Nodes=m\n" + line);
  };
  CHECK(at_two("SwitchName=a Nodes=\"n") == "t.conf:2: expected a closing quote, got \"n\"");
  CHECK(at_two("SwitchName=a Nodes") == "t.conf:2: expected key=value, got \"Nodes\"");
  CHECK(at_two("SwitchName=a b Nodes=n") == "t.conf:2: expected key=value, got \"b Nodes=n\"");
  CHECK(at_two("SwitchName=a Nodes=n1 Nodes=n2") == "t.conf:2: expected Nodes once, got twice");
  CHECK(at_two("SwitchName=a SwitchName=b Nodes=n") ==
        "t.conf:2: expected SwitchName once, got twice");
  CHECK(at_two("SwitchName=a BlockName=b Nodes=n") ==
        "t.conf:2: expected one switch or block a line, got \"b\" beside \"a\"");
  CHECK(at_two("SwitchName=a LinkSpeed=1 LinkSpeed=1 Nodes=n") ==
        "t.conf:2: expected LinkSpeed once, got twice");
  CHECK(at_two("SwitchName=a[1-2] Nodes=n") ==
        "t.conf:2: expected the name of one switch, got \"a[1-2]\"");
  CHECK(at_two("SwitchName=a Ports=3 Nodes=n") ==
        "t.conf:2: expected Nodes, Switches, LinkSpeed or Level, got \"Ports\"");
  CHECK(at_two("BlockName=b Switches=x") ==
        "t.conf:2: expected Nodes, BlockIndex or BlockSize, got \"Switches\"");
  CHECK(at_two("Nodes=n SwitchName=b") ==
        "t.conf:2: expected SwitchName or BlockName first, got \"Nodes\"");
  CHECK(at_two("BlockName=b Nodes=n") ==
        "t.conf: expected switches or blocks, got both SwitchName and BlockName");
  CHECK(at_two("\nSwitchName=a \\\n  Nodes=n[3-1]") ==
        "t.conf:3: expected ranges of a host list to run upwards, got \"n[3-1]\"");
  CHECK(refusal("# nothing\n") == "t.conf: expected a line with SwitchName or BlockName, got none");
  CHECK(refusal("") == "t.conf: expected a line with SwitchName or BlockName, got none");
  CHECK(refusal(std::string("Switch\0", 7)) ==
        "t.conf:1: expected a text file, got a binary one (a zero byte)");
}

TEST_CASE("a topology.conf that contradicts itself is refused") {
  const std::string leafs = "SwitchName=a Nodes=n1\nSwitchName=b Nodes=n2\n";
  CHECK(refusal(leafs + "SwitchName=s Switches=a,b,s") ==
        "t.conf:3: expected switches below others, got switch \"s\" below itself (a loop)");
  CHECK(refusal(leafs +
                "SwitchName=s Switches=t\nSwitchName=t Switches=u,a\nSwitchName=u Switches=s") ==
        "t.conf:3: expected switches below others, got switch \"s\" below itself (a loop)");
  CHECK(refusal(leafs + "SwitchName=s Switches=a,b,a") ==
        "t.conf:3: expected each switch once under \"s\", got \"a\" twice");
  CHECK(refusal(leafs + "SwitchName=a Nodes=n3") ==
        "t.conf:3: expected each switch once, got \"a\" again, first in line 1");
}

TEST_CASE("a forest of switches, lone leafs and placeholders are read as they stand") {
  const std::string leafs = "SwitchName=a Nodes=n1\nSwitchName=b Nodes=n2\nSwitchName=c Nodes=n3\n";
  CHECK(read(leafs).spines.empty());
  CHECK(fabric::leaf_spine{read(leafs)}.gpus() == 24);
  const layout one = read(leafs + "SwitchName=s Switches=a,b");
  CHECK(one.leafs[0].links == std::vector<int>{1});
  CHECK(one.leafs[2].links == std::vector<int>{0});
  const layout halls = read(leafs + "SwitchName=s Switches=a,b\nSwitchName=t Switches=c,unknown\n"
                                    "SwitchName=unknown\nSwitchName=u Switches=gone");
  CHECK(halls.spines == std::vector<std::string>{"s", "t"});
  CHECK(halls.leafs[1].links == std::vector<int>{1, 0});
  CHECK(halls.leafs[2].links == std::vector<int>{0, 1});
  CHECK(halls.notes ==
        std::vector<std::string>{"switch \"unknown\" (line 6) has nothing below it: left out",
                                 "switch \"gone\" (line 7) has nothing below it: left out"});
}

TEST_CASE("a node that is named twice counts under its first leaf") {
  const layout l =
      read("SwitchName=a Nodes=n[1-3]\nSwitchName=b Nodes=n[4-5],n2\nSwitchName=s Switches=a,b");
  CHECK(l.leafs[0].servers.size() == 3);
  CHECK(l.leafs[1].servers == std::vector<fabric::server_layout>{{"n4", 8}, {"n5", 8}});
  CHECK(l.notes ==
        std::vector<std::string>{"node \"n2\" under \"a\" (line 1) and again under \"b\" "
                                 "(line 2): counted once, under the first"});
  CHECK(read("SwitchName=a Nodes=n1,n1,n2").leafs[0].servers.size() == 2);
}

TEST_CASE("trees of any depth become leafs, spines and cores, whatever the order of their lines") {
  const std::string text =
      "SwitchName=core Switches=g[1-2]\nSwitchName=g1 Switches=s1\nSwitchName=g2 Switches=s2,d\n"
      "SwitchName=s1 Switches=a,b\nSwitchName=s2 Switches=c\nSwitchName=a Nodes=n1\n"
      "SwitchName=b Nodes=n2\nSwitchName=c Nodes=n3\nSwitchName=d Nodes=n4\n";
  const layout l = read(text, {.links_per_pair = 2, .spines_per_leaf = 3});
  CHECK(l.leafs.size() == 4);
  CHECK(l.spines == std::vector<std::string>{"g2/0", "g2/1", "g2/2", "s1/0", "s1/1", "s1/2", "s2/0",
                                             "s2/1", "s2/2"});
  CHECK(l.leafs[0].links == std::vector<int>{0, 0, 0, 2, 2, 2, 0, 0, 0});
  CHECK(l.leafs[3].links == std::vector<int>{2, 2, 2, 0, 0, 0, 0, 0, 0});
  CHECK(l.cores.size() == 12);  // 3 groups of 2 leafs · 2 links
  for (std::size_t s = 0; s < l.spines.size(); ++s)
    for (std::size_t c = 0; c < 12; ++c) CHECK(l.core_links[s][c] == (c / 4 == s % 3));
  const fabric::leaf_spine dc{l};
  CHECK(dc.tiers() == 3);
  CHECK(fabric::ledger{dc}.islands().all_joined());
}

TEST_CASE("a switch may have hosts and switches, told in one line or two") {
  const std::string a = "SwitchName=a Nodes=n1\n";
  const layout two = read(a + "SwitchName=s Switches=a\nSwitchName=s Nodes=n2\n");
  CHECK(two.leafs.size() == 2);
  CHECK(two.leafs[1].name == "s");
  CHECK(two.leafs[0].links == std::vector<int>{1});
  CHECK(two.leafs[1].links == std::vector<int>{1});
  // What scontrol prints lists with a switch the hosts of those below it.
  const layout shown = read("SwitchName=a Level=0 LinkSpeed=1 Nodes=n1\n"
                            "SwitchName=s Level=1 LinkSpeed=1 Nodes=n1 Switches=a\n");
  CHECK(shown == read(a + "SwitchName=s Switches=a"));
  CHECK(read(a + "SwitchName=s Nodes=n[1-2] Switches=a").leafs.size() == 2);
}

TEST_CASE("blocks are leafs under one network, as the file and as scontrol tells them") {
  const layout l = read("BlockName=x Nodes=n[1-3]\n# y=nvl-1\nBlockName=y Nodes=n4\nBlockName=z "
                        "Nodes=\nBlockSizes=2,4\n");
  REQUIRE(l.leafs.size() == 2);
  CHECK(l.leafs[0].servers.size() == 3);
  CHECK(l.spines == std::vector<std::string>{"network"});
  CHECK(l.leafs[1].links == std::vector<int>{1});
  CHECK(l.notes.size() == 1);
  const layout shown = read("BlockName=x BlockIndex=0 Nodes=n[1-3] BlockSize=2\n"
                            "BlockName=y BlockIndex=1 Nodes=n4 BlockSize=2\n"
                            "AggregatedBlock=x,y BlockIndex=2 Nodes=n[1-4] BlockSize=4\n");
  CHECK(shown.leafs == l.leafs);
  CHECK(read("BlockName=x Nodes=n1\n").spines.empty());
}

TEST_CASE("the frame of a network whose hosts come and go has leafs without hosts") {
  const layout l = read("SwitchName=top Switches=s[1-2]\nSwitchName=s1 Switches=a\n");
  CHECK(l.leafs.size() == 2);  // a, and s2 that nobody describes
  CHECK(l.leafs[0].servers.empty());
  CHECK_THROWS_AS((void)fabric::leaf_spine{l}, input_error);
}

TEST_CASE("what topology.conf does not say must make sense") {
  const std::string text = "SwitchName=a Nodes=n1\nSwitchName=s Switches=a";
  CHECK(refusal(text, {.links_per_pair = 0}) ==
        "topology_conf_options: expected at least 1 link and 1 spine, got 0 and 1");
  CHECK(refusal(text, {.spines_per_switch = 1 << 30}) ==
        "t.conf: expected at most 2^28 pairs of a leaf and a spine, got more");
  CHECK(refusal("SwitchName=a Nodes=n1\nSwitchName=s Switches=a\nSwitchName=t Switches=a",
                {.spines_per_leaf = 3}) ==
        "t.conf: expected spines of a leaf in a multiple of the 2 switches above it, got 3");
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
