#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/read_topograph.hpp>
#include <heddle/fabric/read_topology_yaml.hpp>

#include "support/refusal.hpp"

using namespace heddle;
using fabric::layout;

namespace {

layout slurm(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_topology_yaml(in, "t.yaml", 4);
}
layout topograph(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_topograph(in, "m.yaml", 4);
}
template <class Read>
std::string refusal(const Read& read, const std::string& text) {
  return test::refusal_of([&] { return read(text); });
}
std::vector<std::string> leafs_of(const layout& l) {
  std::vector<std::string> out;
  for (const auto& leaf : l.leafs) {
    std::string one = leaf.name + ":";
    for (const auto& s : leaf.servers) one += (s.joins ? "+" : " ") + s.name;
    out.push_back(one);
  }
  return out;
}
using names = std::vector<std::string>;

}  // namespace

TEST_CASE("topology.yaml is read as the tree or the blocks that it tells") {
  const names two{"a: n1 n2", "b: n3"};
  for (
      const char* text : {
          "- topology: t\n  cluster_default: true\n  tree:\n    switches:\n      - switch: s\n"
          "        children: a,b\n      - switch: a\n        nodes: n[1-2]\n      - switch: b\n"
          "        nodes: n3\n",
          // Lists may stand as far in as their key, in brackets, and over lines; comments anywhere.
          "---\n- topology: 't'   # first\n  tree:\n    switches:\n    - {switch: s, children: "
          "\"a,b\"}\n"
          "    - switch: a\n      nodes: n1,\n        n2\n    # b comes last\n    - {switch: b,\n"
          "       nodes: [n3]}\n...\nbeyond\n",
          "- topology: t\n  flat: false\n  block:\n    block_sizes: [2, 4]\n    blocks:\n"
          "      - block: a\n        nodes: n[1-2]\n      - block: b\n        nodes: n3\n",
      }) {
    CAPTURE(text);
    const layout l = slurm(text);
    CHECK(leafs_of(l) == two);
    CHECK(l.spines.size() == 1);
    CHECK(fabric::leaf_spine{l}.gpus() == 12);
  }
}

TEST_CASE(
    "of several topologies the cluster's default is read, or the first, or the one that is named") {
  const std::string text =
      "- topology: f\n  flat: true\n- topology: x\n  tree:\n    switches:\n"
      "    - switch: a\n      nodes: n1\n- topology: y\n  cluster_default: TRUE\n"
      "  block:\n    blocks:\n    - block: b\n      nodes: n[2-3]\n";
  const layout l = slurm(text);
  CHECK(leafs_of(l) == names{"b: n2 n3"});
  CHECK(l.notes == names{"topology \"y\" is read, and not \"f\", \"x\""});
  std::string early = text;  // as early writers of the file spelled it
  early.replace(early.find("cluster_default"), 15, "clusterDefault");
  CHECK(slurm(early) == l);
  std::istringstream in(text);
  CHECK(fabric::read_topology_yaml_tree(in, "t", "x").switches[0].name == "a");
  std::istringstream again(text);
  CHECK_THROWS_WITH_AS((void)fabric::read_topology_yaml_tree(again, "t", "z"),
                       "t: expected one of the topologies \"f\", \"x\", \"y\", got \"z\"",
                       input_error);
  // All nodes of a flat one are on one switch.
  std::istringstream flat(text);
  CHECK(fabric::read_topology_yaml_tree(flat, "t", "f").switches[0].nodes.size() == 3);
}

TEST_CASE("a topology.yaml that is none is refused at its line") {
  CHECK(refusal(slurm, "") == "t.yaml: expected YAML, got nothing");
  CHECK(refusal(slurm, "a: b") == "t.yaml:1: expected a list of topologies, got none");
  CHECK(refusal(slurm, "- tree:\n") == "t.yaml:1: expected the name of a topology, got none");
  CHECK(refusal(slurm, "- topology: t\n  trees: x\n") ==
        "t.yaml:2: expected tree, block, flat or cluster_default, got \"trees\"");
  CHECK(refusal(slurm, "- topology: t\n  topology: u\n") ==
        "t.yaml:2: expected each key once, got \"topology\" again");
  CHECK(refusal(slurm, "- topology: t\n\tflat: true\n") ==
        "t.yaml:2: expected blanks in front of a line, got a tab");
  CHECK(refusal(slurm,
                "- topology: t\n  tree:\n    switches:\n    - switch: a\n      nodes: n[3-1]\n") ==
        "t.yaml:5: expected ranges of a host list to run upwards, got \"n[3-1]\"");
  CHECK(refusal(slurm, "- topology: t\n  tree: {switches: [{switch: a, nodes: n1}\n") ==
        "t.yaml:2: expected a closing bracket, got \"{switches: [{switch: a, nodes: n1}\"");
  CHECK(refusal(slurm, "- topology: t\n  tree: &x\n    switches: []\n") != "accepted");
  CHECK(refusal(slurm, "- topology: t\n  tree:\n    switches: []\n   x: 1\n") != "accepted");
  CHECK(refusal(slurm, std::string(100, '[')) != "accepted");
  CHECK(refusal(slurm, "- [n1,n2}\n") == "t.yaml:1: expected a comma or a closing ], got \"}\"");
}

TEST_CASE("a model of topograph is read in each of its forms, NVLink domains with it") {
  const names expected{"a: n1+n2 n3", "b: n4 n5"};
  for (const char* text : {
           "switches:\n- name: s\n  metadata:\n    region: x\n  switches: [a,b]\n- name: a\n"
           "  capacity_blocks: [c1,c2]\n- name: b\n  capacity_blocks: [c3]\ncapacity_blocks:\n"
           "- name: c1\n  nvlink: v\n  nodes: [n1,n2]\n- name: c2\n  nodes: [n3]\n"
           "- name: c3\n  type: GB200\n  nodes: [\"n[4-5]\"]\n",
           "switches:\n  s:\n    switches:\n    - a\n    - b\n  a:\n    nodes: [n1, n3, n2]\n  b:\n"
           "    nodes:\n    - n[4-5]\nnodes:\n  n1:\n    attributes:\n      nvlink: v\n  n2:\n"
           "    attributes: {nvlink: v}\n  n3:\n  n4: {type: H100}\n  n5:\n",
           "switches:\n  s:\n    switches: [a, b]\nblocks:\n- switch: a\n  nodes:\n  - n[1-2]\n"
           "  labels:\n    zone: z\n    accelerator/level-0: v\n- switch: a\n  nodes: n3\n"
           "- switch: b\n  nodes: [n4, n5]\n",
       }) {
    CAPTURE(text);
    const layout l = topograph(text);
    CHECK(leafs_of(l) == expected);
    CHECK(l.spines == names{"s"});
    CHECK(l.notes.empty());
    CHECK(fabric::leaf_spine{l}.hosts().domains() == 4);
  }
}

TEST_CASE("blocks and nodes of a model on no switch are leafs by themselves") {
  const layout l =
      topograph("capacity_blocks:\n- name: c1\n  nodes: [n1]\n- name: c2\n  nodes: [n2]\n"
                "nodes:\n  n1:\n  n9:\n");
  CHECK(leafs_of(l) == names{"c1: n1", "c2: n2", "nodes: n9"});
  CHECK(l.spines.empty());
  CHECK(l.notes.size() == 3);
  CHECK(refusal(topograph, "x: y\n") ==
        "m.yaml:1: expected a model with switches, blocks or nodes, got none");
  CHECK(refusal(topograph, "switches:\n- name: a\n- name: a\n") ==
        "m.yaml:3: expected each switch once, got \"a\" again");
}
