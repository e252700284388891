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

composition circuits(std::string name, rewiring may_move, isolated_for guarantee) {
  return {std::move(name), chain(place::ocs_vclos{.may_move = may_move, .guarantee = guarantee})};
}

/// Fewer links where that pays, else what `isolated` gives.
composition paying(std::string name, place::vclos isolated) {
  return {std::move(name),
          chain(place::relaxed{.isolated = isolated, .most_slowdown = place::relaxed::no_bound}),
          "source",
          extras{.waits_for = examples::place_function<fabric::leaf_spine>{
                     place::first_of{place::one_server{}, place::one_leaf{}, isolated}}}};
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
      paying("pays, any", {}),
      paying("pays, declared", {.guarantee = isolated_for::declared}),
      circuits("ocs_vclos, no circuit moves", rewiring::never, isolated_for::any),
      circuits("ocs_vclos, all may move", rewiring::free, isolated_for::any),
      circuits("ocs_vclos, declared, no circuit moves", rewiring::never, isolated_for::declared),
      circuits("ocs_vclos, declared, all may move", rewiring::free, isolated_for::declared),
      {"ideal network", place::packed{}, "ideal"}};
  return all;
}

}  // namespace heddle::evaluate
