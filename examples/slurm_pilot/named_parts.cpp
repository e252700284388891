#include "slurm_pilot/named_parts.hpp"

#include <utility>

#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::pilot {

namespace {
using small_first = place::first_of<place::one_server, place::one_leaf>;

template <class Last>
auto chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

/// A policy that knows GPUs alone, asked on each island of the network by itself.
template <class Policy>
auto on_islands(Policy policy) {
  return [p = std::move(policy)](const auto& free, const place::request& job) mutable {
    return place::ask(p, free, job);
  };
}
}  // namespace

const std::map<std::string, named_place>& places() {
  static const std::map<std::string, named_place> all{
      {"vclos", {chain(place::vclos{}), nullptr}},
      {"vclos_even", {chain(place::vclos{.any_size = false}), nullptr}},
      {"ocs_vclos", {nullptr, chain(place::ocs_vclos{})}},
      {"one_leaf", {small_first{}, small_first{}}},
      {"one_server", {place::one_server{}, place::one_server{}}},
      {"packed", {on_islands(place::packed{}), on_islands(place::packed{})}}};
  return all;
}
}  // namespace heddle::pilot
