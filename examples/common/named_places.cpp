#include "common/named_places.hpp"

#include <algorithm>
#include <utility>

#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/groups.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/patched.hpp>
#include <heddle/place/reconfigured.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/segments.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/torus_boxes.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::examples {

namespace {

using o = const place_options&;
using on_links = place_function<fabric::leaf_spine>;
using on_circuits = place_function<fabric::leaf_spine_ocs>;
using on_torus = place_function<fabric::torus>;
using on_cubes = place_function<fabric::cubes>;

template <class... Policies>
auto chain(Policies... policies) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(policies)...};
}

constexpr named_place all[] = {
    {"spread", "evenly over the servers with most free GPUs", false,
     [](o) -> on_links { return place::spread{}; }, nullptr,
     [](o) -> on_torus { return place::spread{}; }},
    {"random", "any free GPUs", false, [](o x) -> on_links { return place::random{x.seed}; },
     nullptr, [](o x) -> on_torus { return place::random{x.seed}; }},
    {"packed", "one server, else one NVLink domain, leaf or pod, else few", false,
     [](o) -> on_links { return place::packed{}; }, nullptr,
     [](o) -> on_torus { return place::packed{}; }},
    {"locality", "as few servers as can be, under few leafs", false,
     [](o) -> on_links { return place::locality{}; }},
    {"one_server", "under one server, or not at all", true,
     [](o) -> on_links { return place::one_server{}; }, nullptr,
     [](o) -> on_torus { return place::one_server{}; }},
    {"one_leaf", "under one leaf, or not at all", true,
     [](o) -> on_links { return place::one_leaf{}; }},
    {"buddy", "blocks of powers of two, large servers whole", false,
     [](o) -> on_links { return place::buddy{}; }},
    {"vclos", "a Clos network of its own links, of any size", true,
     [](o x) -> on_links { return chain(place::vclos{.guarantee = x.guarantee}); }},
    {"vclos_even", "the same, of equal parts alone", true,
     [](o) -> on_links { return chain(place::vclos{.any_size = false}); }},
    {"ocs_vclos", "the same over circuits of optical switches", true, nullptr,
     [](o x) -> on_circuits {
       place::ocs_vclos p{.guarantee = x.guarantee};
       if (x.may_be_thinnest) p.most_slowdown = place::ocs_vclos::no_bound;
       return chain(std::move(p));
     }},
    {"relaxed", "vclos, else own links that are fewer than its flows", false,
     [](o x) -> on_links {
       place::relaxed p{.isolated = {.guarantee = x.guarantee}};
       if (x.may_be_thinnest) p.most_slowdown = place::relaxed::no_bound;
       return chain(std::move(p));
     }},
    {"patched", "vclos, else own links wherever some are free", false,
     [](o x) -> on_links { return chain(place::patched{.isolated = {.guarantee = x.guarantee}}); }},
    {"jigsaw", "own links, the shapes of vclos, first fit", true,
     [](o) -> on_links { return chain(place::jigsaw{}); }},
    {"laas", "the same, with fewer links where two leafs do", true,
     [](o) -> on_links { return chain(place::laas{}); }},
    {"topology_aware", "leafs under which no other job crosses", false,
     [](o) -> on_links {
       return place::first_of{place::one_server{}, place::topology_aware{}};
     }},
    {"hived", "buddy cells with quotas of tenants", false,
     [](o x) -> on_links { return place::hived{x.quotas}; }},
    {"segments", "balanced pieces inside NVLink domains", false,
     [](o x) -> on_links { return place::segments{.promised = x.promised, .pieces = x.pieces}; }},
    {"groups", "tensor groups in servers, pipeline and data groups under few leafs", false,
     [](o x) -> on_links {
       return place::groups{.tensor = x.tensor, .pipeline = std::max(1, x.pipeline)};
     }},
    {"torus_first_fit", "a mesh in the first free box of a torus", true, nullptr, nullptr,
     [](o x) -> on_torus { return place::torus_first_fit{x.closed}; }},
    {"folded", "the same, also folded into another box", true, nullptr, nullptr,
     [](o x) -> on_torus { return place::folded{x.closed}; }},
    {"best_fit", "a mesh in the box after which the largest free one is largest", true, nullptr,
     nullptr, [](o x) -> on_torus { return place::best_fit{x.closed}; }},
    {"reconfigured", "a mesh in parts, each in any cube", true, nullptr, nullptr, nullptr,
     [](o x) -> on_cubes {
       return place::reconfigured{x.closed, x.twisted};
     }},
    {"folded_reconfigured", "the same, folded, and paths through what is free", true, nullptr,
     nullptr, nullptr,
     [](o x) -> on_cubes {
       return place::folded_reconfigured{x.closed, x.twisted};
     }},
};

}  // namespace

std::span<const named_place> all_places() { return all; }

name_lines place_names() { return lines_of(all); }

void require_fabric(std::string_view place, const any_fabric& on, const std::string& option) {
  const named_place& row = find_place(place, option);
  const auto fits = [&](const named_place& r) {
    return on.on_any([&]<class Fabric>(const Fabric&) { return r.maker<Fabric>() != nullptr; });
  };
  if (fits(row)) return;
  throw input_error(option,
                    either(lines_of(std::span<const named_place>(all), fits)) +
                        ", since the cluster is " +
                        (on.torus()      ? "a torus"
                         : on.cubes()    ? "of cubes"
                         : on.circuits() ? "of circuits"
                                         : "of leafs and spines"),
                    std::string(place));
}

const named_place& find_place(std::string_view name, const std::string& option) {
  return find_named(all, option, name);
}

}  // namespace heddle::examples
