#include <heddle/fabric/read_ibnetdiscover.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"
#include "support/reader_samples.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using fabric::ibnetdiscover_options;
using fabric::layout;
using fabric::read_ibnetdiscover;

namespace {

const std::string sample{test::ibnetdiscover_sample};

layout read(const std::string& text, const ibnetdiscover_options& o = {}) {
  std::istringstream in(text);
  return read_ibnetdiscover(in, "f.txt", fabric::one_per_card{}, o);
}
std::string refusal(const std::string& text, const ibnetdiscover_options& o = {}) {
  return test::refusal_of([&] { return read(text, o); });
}
// The text with one part replaced, which must be there once.
std::string but(std::string text, const std::string& part, const std::string& by) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  REQUIRE(text.find(part, at + 1) == std::string::npos);
  return text.replace(at, part.size(), by);
}
std::string line_of(const std::string& text, const std::string& part) {
  std::size_t line = 1;
  for (char c : std::string_view(text).substr(0, text.find(part))) line += c == '\n';
  return "f.txt:" + std::to_string(line);
}

// A name with a number; appended, because GCC 12 warns of std::string's own operator+ (GCC PR
// 105651).
std::string numbered(std::string name, int n) { return name += std::to_string(n); }

// A dump made from the ends of links.
class dump {
 public:
  std::string node(char kind, int ports, const std::string& description) {
    const std::string id = std::string(1, kind) + "-" + std::to_string(1000 + nodes_.size());
    nodes_.push_back({id, ports, description, {}});
    return id;
  }
  // Between the next free ports of both.
  void link(const std::string& a, const std::string& b, const std::string& rate = "4xNDR") {
    auto &x = find(a), &y = find(b);
    const auto port = [](const entry& e) { return std::to_string(e.lines.size() + 1); };
    const std::string at_x = port(x), at_y = port(y);
    x.lines.push_back("[" + at_x + "]\t\"" + b + "\"[" + at_y + "]\t# \"d\" lid 1 " + rate + "\n");
    y.lines.push_back("[" + at_y + "](ab)\t\"" + a + "\"[" + at_x +
                      "]\t# lid 1 lmc 0 \"d\" lid 1 " + rate + "\n");
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const entry& e : nodes_) {
      const char* kind = e.id[0] == 'S' ? "Switch" : e.id[0] == 'H' ? "Ca" : "Rt";
      out += std::string(kind) + "\t" + std::to_string(e.ports) + " \"" + e.id + "\"\t# \"" +
             e.description + "\"\n";
      for (const std::string& l : e.lines) out += l;
      out += "\n";
    }
    return out;
  }

 private:
  struct entry {
    std::string id;
    int ports;
    std::string description;
    std::vector<std::string> lines;
  };
  entry& find(const std::string& id) {
    for (entry& e : nodes_)
      if (e.id == id) return e;
    return nodes_.front();
  }
  std::vector<entry> nodes_;
};

}  // namespace

TEST_CASE("a dump of ibnetdiscover becomes leafs, spines and hosts") {
  const layout expected{
      .leafs = {{"leaf-1", {{"gpu01", 2}, {"gpu02", 1}}, {2}}, {"leaf-2", {{"gpu03", 1}}, {1}}},
      .spines = {"spine-1"},
      .link_gbps = 200};
  CHECK(read(sample) == expected);
  const fabric::leaf_spine dc{read(sample)};
  CHECK(dc.gpus() == 4);
  CHECK(dc.links(leaf_id{0}, spine_id{0}) == 2);
  CHECK(dc.links(leaf_id{1}, spine_id{0}) == 1);
}

TEST_CASE("GPUs of hosts may be given by number or by name") {
  std::istringstream a(sample), b(sample), c(sample);
  CHECK(read_ibnetdiscover(a, "f", 8).leafs[0].servers ==
        std::vector<fabric::server_layout>{{"gpu01", 8}, {"gpu02", 8}});
  CHECK(read_ibnetdiscover(b, "f", [](const std::string& h) {
          return h == "gpu02" ? 4 : 0;
        }).leafs.size() == 1);
  CHECK(read_ibnetdiscover(c, "f", [](const std::string&, int cards) { return 4 * cards; })
            .leafs[0]
            .servers[0]
            .gpus == 8);
  std::istringstream d(sample);
  CHECK_THROWS_WITH_AS((void)read_ibnetdiscover(d, "f", 0),
                       "f: expected a switch with a host that has GPUs, got none", input_error);
}

TEST_CASE("the host of a card is the first of two words of its description") {
  CHECK(fabric::host_of_card("node018 HCA-1") == "node018");
  CHECK(fabric::host_of_card("node018") == "node018");
  CHECK(fabric::host_of_card("Mellanox Technologies Aggregation Node").empty());
  CHECK(fabric::host_of_card("MT23108 InfiniHost Mellanox Technologies") ==
        "MT23108 InfiniHost Mellanox Technologies");
  CHECK(fabric::host_of_card("").empty());
  // Cards that nobody named are hosts of their own, called by their ids.
  dump d;
  const auto leaf = d.node('S', 40, "l"), spine = d.node('S', 40, "s");
  for (int i = 0; i < 2; ++i)
    d.link(leaf, d.node('H', 1, "MT4123 ConnectX6 Mellanox Technologies"));
  d.link(leaf, spine);
  CHECK(read(d.text()).leafs[0].servers ==
        std::vector<fabric::server_layout>{{"H-1002", 1}, {"H-1003", 1}});
}

TEST_CASE("storage and management may hang anywhere and routers too") {
  dump d;
  const auto leaf = d.node('S', 40, "l1"), spine = d.node('S', 40, "s1"),
             store = d.node('S', 40, "store");
  const auto gpu = d.node('H', 1, "gpu1 HCA-1"), ufm = d.node('H', 1, "ufm HCA-1"),
             disk = d.node('H', 1, "disk HCA-1"), router = d.node('R', 1, "to the world");
  d.link(leaf, gpu);
  d.link(leaf, spine);
  d.link(spine, ufm);
  d.link(spine, store);
  d.link(store, disk);
  d.link(spine, router);
  std::istringstream in(d.text());
  const layout l =
      read_ibnetdiscover(in, "f", [](const std::string& h) { return h == "gpu1" ? 8 : 0; });
  CHECK(l.leafs == std::vector<fabric::leaf_layout>{{"l1", {{"gpu1", 8}}, {1}}});
  CHECK(l.spines == std::vector<std::string>{"s1"});
  // Counted as GPUs, they make leafs of their switches.
  CHECK(
      refusal(d.text()).find("links of leaf \"l1\" to hosts and spines, got one to leaf \"s1\"") !=
      std::string::npos);
}

TEST_CASE("switches of one description are called by their ids") {
  dump d;
  const auto a = d.node('S', 40, "Quantum"), b = d.node('S', 40, "Quantum");
  d.link(a, d.node('H', 1, "n1 HCA-1"));
  d.link(a, b);
  const layout l = read(d.text());
  CHECK(l.leafs[0].name == "S-1000");
  CHECK(l.spines[0] == "S-1001");
}

TEST_CASE("both ends of each link must tell the same") {
  const std::string half =
      but(sample, "[2]\t\"S-0000000000000001\"[5]\t\t# \"leaf-1\" lid 1 4xHDR\n", "");
  CHECK(refusal(half) ==
        line_of(half, "[5][ext 5]") +
            ": expected both ends of each link, got none at \"S-0000000000000003\" port 2");
  const std::string other =
      but(sample, "[3]\t\"S-0000000000000002\"[7]", "[3]\t\"S-0000000000000002\"[6]");
  CHECK(refusal(other).find(
            "both ends of a link to name each other, got \"S-0000000000000003\" port 3 "
            "linked to \"S-0000000000000002\" port 6") != std::string::npos);
  const std::string unknown =
      but(sample, "[7]\t\"S-0000000000000003\"[3]", "[7]\t\"S-0000000000000009\"[3]");
  CHECK(refusal(unknown) ==
        line_of(unknown, "[7]\t") +
            ": expected a link to a node of the dump, got \"S-0000000000000009\"");
  const std::string twice =
      but(sample, "[2]\t\"H-0000000000000a02\"[1]", "[1]\t\"H-0000000000000a02\"[1]");
  CHECK(refusal(twice).find(
            "expected each port of \"S-0000000000000001\" once, got 1 again, first in line") !=
        std::string::npos);
}

TEST_CASE("switches without hosts above spines are cores") {
  dump d;
  const auto leaf = d.node('S', 40, "l1"), spine = d.node('S', 40, "s1"),
             core = d.node('S', 40, "c1"), leaf2 = d.node('S', 40, "l2"),
             spine2 = d.node('S', 40, "s2");
  d.link(leaf, d.node('H', 1, "n1 HCA-1"));
  d.link(leaf2, d.node('H', 1, "n2 HCA-1"));
  d.link(leaf, spine);
  d.link(leaf2, spine2);
  const layout halls = read(d.text());
  CHECK(halls.leafs[0].links == std::vector<int>{1, 0});
  CHECK(halls.leafs[1].links == std::vector<int>{0, 1});
  CHECK(fabric::ledger{fabric::leaf_spine{halls}}.islands().size() == 2);
  dump tiers = d;
  tiers.link(spine, core);
  tiers.link(spine, core);
  tiers.link(spine2, core);
  const layout l = read(tiers.text());
  CHECK(l.cores == std::vector<std::string>{"c1"});
  CHECK(l.core_links == std::vector<std::vector<int>>{{2}, {1}});
  const fabric::leaf_spine dc{l};
  CHECK(dc.tiers() == 3);
  CHECK(fabric::ledger{dc}.islands().all_joined());

  dump above = tiers;
  above.link(core, above.node('S', 40, "top"));
  CHECK(refusal(above.text())
            .find("links of core \"c1\" to spines (three tiers), got one to \"top\"") !=
        std::string::npos);
  dump beside = tiers;
  beside.link(spine, spine2);
  CHECK(refusal(beside.text())
            .find("links of spine \"s1\" to leafs and cores, got one to spine \"s2\"") !=
        std::string::npos);
  dump across = d;
  across.link(leaf, leaf2);
  CHECK(refusal(across.text())
            .find("links of leaf \"l1\" to hosts and spines, got one to leaf \"l2\"") !=
        std::string::npos);
  dump loop = d;
  loop.link(leaf, leaf);
  CHECK(refusal(loop.text()) != "accepted");
  dump cards = d;
  cards.link(cards.node('H', 1, "n5 HCA-1"), cards.node('H', 1, "n6 HCA-1"));
  CHECK(refusal(cards.text()).find("a host linked to switches, got \"n") != std::string::npos);
}

TEST_CASE("all hosts on one switch need no spine") {
  dump d;
  const auto leaf = d.node('S', 40, "l1");
  for (int h = 0; h < 3; ++h)
    for (int c = 0; c < 2; ++c)
      d.link(leaf, d.node('H', 1, numbered("n", h) + numbered(" mlx5_", c)));
  const layout l = read(d.text());
  CHECK(l.spines.empty());
  CHECK(l.link_gbps == 400);  // of the cards
  CHECK(fabric::leaf_spine{l}.gpus() == 6);
}

namespace {

// The dumps of two planes one after the other: spine s0 and s1 each with its leafs, cards in both.
std::string by_plane(const std::string& both) {
  std::vector<std::string> nodes{""};
  std::istringstream in(both);
  for (std::string line; std::getline(in, line);) {
    nodes.back() += line + "\n";
    if (line.empty()) nodes.emplace_back();
  }
  std::string out;
  for (int plane = 0; plane < 2; ++plane)
    for (const std::string& n : nodes) {
      if (n.starts_with("Ca")) {
        const auto first = n.find('\n') + 1, second = n.find('\n', first) + 1;
        out +=
            n.substr(0, first) + (plane == 0 ? n.substr(first, second - first) : n.substr(second));
        if (plane == 0) out += "\n";
      } else if (const auto at = n.find("# \""); at != std::string::npos) {
        const std::string name = n.substr(at + 3, n.find('"', at + 3) - at - 3);
        const int number = std::stoi(name.substr(name.find_last_of("ls") + 1));
        if (number % 2 == plane) out += n;
      }
    }
  return out;
}

}  // namespace

TEST_CASE("hosts whose cards hang on the same leafs are units on rails and planes") {
  for (const bool planes : {false, true}) {
    CAPTURE(planes);
    dump d;
    std::vector<std::string> leafs, spines;
    for (int u = 0; u < 2; ++u)
      for (int k = 0; k < 12; ++k)  // so that names do not sort as numbers do
        leafs.push_back(d.node('S', 40, numbered(numbered("u", u) + "l", k)));
    for (int s = 0; s < 2; ++s) spines.push_back(d.node('S', 60, numbered("s", s)));
    for (std::size_t l = 0; l < leafs.size(); ++l)
      if (!planes)
        for (const auto& s : spines) d.link(leafs[l], s);
      else
        d.link(leafs[l], spines[l % 2]);
    for (int u = 0; u < 2; ++u)
      for (int h = 0; h < 3; ++h)
        for (int c = planes ? 5 : 11; c >= 0; --c) {
          const auto card = d.node('H', 2, numbered(numbered("n", 3 * u + h) + " mlx5_", c));
          const auto at = static_cast<std::size_t>(12 * u + (planes ? 2 * c : c));
          d.link(leafs[at], card);
          if (planes) d.link(leafs[at + 1], card);
        }
    const layout l = read(d.text());
    CHECK(l.cards == fabric::rail_shape{planes ? 6 : 12, planes ? 2 : 1, 0});
    if (planes) CHECK(read(by_plane(d.text())).leafs == l.leafs);
    CHECK(l.leafs[11].name == "u0l11");
    CHECK(l.leafs[12].servers == std::vector<fabric::server_layout>{{"n3", planes ? 6 : 12},
                                                                    {"n4", planes ? 6 : 12},
                                                                    {"n5", planes ? 6 : 12}});
    CHECK(l.notes.empty());
    const fabric::leaf_spine dc{l};
    CHECK(dc.units() == 2);
    CHECK(dc.servers() == 6);
    CHECK(fabric::ledger{dc}.islands().all_joined());
    std::istringstream in(d.text());
    const layout twice = read_ibnetdiscover(in, "f", planes ? 12 : 24);
    CHECK(twice.cards.cards_per_server == (planes ? 6 : 12));
    CHECK(fabric::leaf_spine{twice}.gpus() == (planes ? 72 : 144));
  }
}

TEST_CASE("a host that hangs otherwise than those of its unit is left out and named") {
  dump d;
  const auto rail1 = d.node('S', 40, "rail1"), rail2 = d.node('S', 40, "rail2"),
             spine = d.node('S', 40, "s");
  for (int c = 1; c <= 2; ++c)
    for (const char* host : {"n1 HCA-", "n3 HCA-", "n4 HCA-"})
      d.link(c == 1 ? rail1 : rail2, d.node('H', 1, numbered(host, c)));
  d.link(rail1, spine);
  d.link(rail2, spine);
  dump missing = d;
  missing.link(rail2, missing.node('H', 1, "n2 HCA-1"));
  const layout l = read(missing.text());
  CHECK(l.cards.rails == 2);
  CHECK(l.leafs[0].servers.size() == 3);
  CHECK(l.notes ==
        std::vector<std::string>{"host \"n2\" is left out: its cards are on \"rail2\", not as "
                                 "those of other hosts there"});
  dump crossed = d;
  crossed.link(rail2, crossed.node('H', 1, "n2 HCA-1"));
  crossed.link(rail1, crossed.node('H', 1, "n2 HCA-2"));
  CHECK(read(crossed.text()).notes.size() == 1);

  // Where most hosts hang whole under one leaf, one that does not is a mistake.
  dump d2;
  const auto a = d2.node('S', 40, "a"), b = d2.node('S', 40, "b");
  for (int h = 0; h < 3; ++h) {
    d2.link(a, d2.node('H', 1, numbered("x", h) + " HCA-1"));
    d2.link(b, d2.node('H', 1, numbered("y", h) + " HCA-1"));
  }
  d2.link(a, d2.node('H', 1, "disk HCA-1"));
  d2.link(b, d2.node('H', 1, "disk HCA-2"));
  CHECK(refusal(d2.text()).find("the cards of host \"disk\" on one leaf, or on several as others', "
                                "got \"a\", \"b\"") != std::string::npos);
  const layout parts = read(d2.text(), {.split_hosts = true});
  CHECK(parts.leafs[0].servers.front() == fabric::server_layout{"disk@a", 1});
  CHECK(parts.leafs[1].servers.front() == fabric::server_layout{"disk@b", 1});
  std::istringstream in(d2.text());
  const layout stored =
      read_ibnetdiscover(in, "f", [](const std::string& h) { return h == "disk" ? 0 : 8; });
  CHECK(stored.leafs[0].servers.front() == fabric::server_layout{"disk@a", 0});

  dump mixed = d;  // a unit of two rails, and hosts on one leaf
  const auto lone = mixed.node('S', 40, "z");
  mixed.link(lone, spine);
  mixed.link(lone, mixed.node('H', 1, "n9 HCA-1"));
  CHECK(refusal(mixed.text())
            .find("as many rails and planes as host \"n1\" has (2 and 1), got 1 and 1 of "
                  "host \"n9\"") != std::string::npos);
}

TEST_CASE("link rates are those of the dump and a slow cable is found") {
  dump d;
  const auto leaf = d.node('S', 40, "l"), spine = d.node('S', 40, "s");
  d.link(leaf, d.node('H', 1, "n1 HCA-1"), "4xEDR");  // a card may be slower
  d.link(leaf, spine, "4xNDR");
  d.link(leaf, spine, "4xNDR");
  CHECK(read(d.text()).link_gbps == 400);
  d.link(leaf, spine, "2xNDR");
  CHECK(refusal(d.text()).find("all links between switches at 400 Gb/s, got 200 Gb/s") !=
        std::string::npos);
  CHECK(read(d.text(), {.leave_out_slow_links = true}).leafs[0].links == std::vector<int>{2});
  dump old;  // before rates were told
  const auto a = old.node('S', 8, "a"), b = old.node('S', 8, "b");
  old.link(a, old.node('H', 1, "n1 HCA-1"), "");
  old.link(a, b, "");
  CHECK(read(old.text(), {.link_gbps = 10}).link_gbps == 10);
  for (const auto& [rate, gbps] : std::vector<std::pair<std::string, double>>{{"1xSDR", 2.5},
                                                                              {"4xSDR", 10},
                                                                              {"4xDDR", 20},
                                                                              {"4xQDR", 40},
                                                                              {"4xFDR10", 40},
                                                                              {"4xFDR", 56},
                                                                              {"12xEDR", 300},
                                                                              {"4xHDR", 200},
                                                                              {"4xXDR", 800}}) {
    dump r;
    const auto x = r.node('S', 8, "x");
    r.link(x, r.node('H', 1, "n1 HCA-1"));
    r.link(x, r.node('S', 8, "y"), rate);
    CHECK(read(r.text()).link_gbps == gbps);
  }
}

TEST_CASE("lines that ibnetdiscover does not write are refused where they stand") {
  const auto refused = [](const std::string& line) {
    return refusal("Switch 4 \"S-1\" # \"x\"\n" + line);
  };
  CHECK(refused("hello").starts_with(
      "f.txt:2: expected a line of ibnetdiscover's topology file, got \"hello\""));
  CHECK(refused("Switch 4 \"H-2\" # \"x\"")
            .starts_with("f.txt:2: expected Switch \"S-…\", Ca \"H-…\" or Rt \"R-…\""));
  CHECK(refused("Switch x \"S-2\" # \"x\"")
            .starts_with("f.txt:2: expected a number of ports of at most 255"));
  CHECK(refused("Switch 4 \"S-2\" \"x\"")
            .starts_with("f.txt:2: expected # and a description in quotes"));
  CHECK(refused("Switch 4 \"S-1\" # \"x\"")
            .starts_with("f.txt:2: expected each node once, got \"S-1\" again, first in line 1"));
  CHECK(refused("Switch 4 \"S-xyz\" # \"x\"")
            .starts_with("f.txt:2: expected a node like \"S-0002c9020046c588\""));
  CHECK(refused("[5] \"H-2\"[1] # \"y\"")
            .starts_with("f.txt:2: expected a port of \"S-1\" from 1 to 4, got 5"));
  CHECK(refused("[x] \"H-2\"[1]").starts_with("f.txt:2: expected a port number in brackets"));
  CHECK(refused("[1 \"H-2\"").starts_with("f.txt:2: expected a closing ]"));
  CHECK(refused("[1] \"H-2\"")
            .starts_with("f.txt:2: expected a port number in brackets, got nothing"));
  CHECK(refused("[1] \"H-2\"[1] # \"y\" 4xABC")
            .starts_with("f.txt:2: expected a link rate like 4xHDR, got \"4xABC\""));
  CHECK(refusal("[1] \"H-2\"[1]")
            .starts_with("f.txt:1: expected a switch or a card before its links"));
  CHECK(refusal("") == "f.txt: expected a switch with a host that has GPUs, got none");
  CHECK(refused("vendid=0x2c9\n[1] \"H-2\"[1]")
            .starts_with("f.txt:3: expected a switch or a card before"));
}

TEST_CASE("random networks written as ibnetdiscover dumps are read back") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    test::dice dice{seed};
    dump d;
    layout expected{.link_gbps = 400};
    std::vector<std::string> spines;
    for (int s = dice.between(1, 5); s > 0; --s) {
      expected.spines.insert(expected.spines.begin(), numbered("s", s));
      spines.insert(spines.begin(), d.node('S', 255, numbered("s", s)));
    }
    std::vector<bool> linked(spines.size());
    const int leafs = dice.between(1, 6);
    for (int l = 0; l < leafs; ++l) {
      fabric::leaf_layout leaf{.name = numbered("l", l), .links = {}};
      const std::string id = d.node('S', 255, leaf.name);
      const int hosts = dice.between(1, 4);
      for (int h = 0; h < hosts; ++h) {
        leaf.servers.push_back({numbered("n", 10 * l + h), dice.between(1, 8)});
        for (int g = 0; g < leaf.servers.back().gpus; ++g)
          d.link(id, d.node('H', 1, numbered(leaf.servers.back().name + " mlx5_", g)));
      }
      for (std::size_t s = 0; s < spines.size(); ++s) {
        leaf.links.push_back(dice.between(l == 0 ? 1 : 0, 3));
        for (int k = 0; k < leaf.links.back(); ++k) d.link(id, spines[s]);
      }
      expected.leafs.push_back(leaf);
    }
    for (auto& leaf : expected.leafs)
      std::sort(leaf.servers.begin(), leaf.servers.end(),
                [](const auto& a, const auto& b) { return a.name < b.name; });
    REQUIRE(read(d.text()) == expected);
  }
}
