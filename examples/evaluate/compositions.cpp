#include "compositions.hpp"

#include <utility>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/guarantee.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::evaluate {

namespace {

using place::isolated_for;
using place::rewiring;

place::ocs_vclos circuits(rewiring may_move, isolated_for guarantee = isolated_for::declared) {
  return {.may_move = may_move, .guarantee = guarantee};
}

/// Fewer links where that pays, else what isolates.
composition paying(std::string name, place::vclos isolated) {
  return {std::move(name),
          chain(place::relaxed{.isolated = isolated, .most_slowdown = place::relaxed::no_bound}),
          "source",
          {.waits_for = chain(isolated)}};
}
composition paying(std::string name, place::ocs_vclos isolated) {
  place::ocs_vclos at_once = isolated;
  at_once.most_slowdown = place::ocs_vclos::no_bound;
  return {std::move(name), chain(at_once), "source", {.waits_for = chain(isolated)}};
}

}  // namespace

const std::vector<composition>& compositions() {
  static const std::vector<composition> all{
      {"packed, ECMP", place::packed{}, "ecmp"},
      {"packed, balanced ECMP", place::packed{}, "balanced"},
      {"packed, source routing", place::packed{}},
      {"packed, Crux-like paths", place::packed{}, "crux", {.crux = true}},
      {"vclos, m·n only", chain(place::vclos{.any_size = false})},
      {"vclos, even leafs and a remainder", chain(place::vclos{.unequal = false})},
      {"vclos", chain(place::vclos{})},
      {"vclos, declared", chain(place::vclos{.guarantee = isolated_for::declared})},
      paying("pays, any", place::vclos{}),
      paying("pays, declared", place::vclos{.guarantee = isolated_for::declared}),
      {"ocs_vclos, no circuit moves", chain(circuits(rewiring::never, isolated_for::any))},
      {"ocs_vclos, all may move", chain(circuits(rewiring::free, isolated_for::any))},
      {"ocs_vclos, declared, no circuit moves", chain(circuits(rewiring::never))},
      {"ocs_vclos, declared, all may move", chain(circuits(rewiring::free))},
      paying("pays, ocs_vclos, declared, no circuit moves", circuits(rewiring::never)),
      paying("pays, ocs_vclos, declared, all may move", circuits(rewiring::free)),
      {"ideal network", place::packed{}, "ideal"}};
  return all;
}

}  // namespace heddle::evaluate
