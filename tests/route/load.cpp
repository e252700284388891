#include <heddle/route/load.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <vector>

#include <heddle/route/routing.hpp>

using namespace heddle;
using route::path;
using traffic::flow;

namespace {

const fabric::leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}};
const route::link_numbers links{dc};

struct over_spine_one {
  template <class View>
  path operator()(const View&, const flow&) const {
    return {spine_id{1}, 0, 0};
  }
};
struct phase_over_spine_one {
  std::vector<path> paths;
  template <class View>
  std::span<const path> operator()(const View&, std::span<const flow> flows) {
    paths.assign(flows.size(), {spine_id{1}, 0, 0});
    return paths;
  }
};

static_assert(route::FlowRouting<over_spine_one> && !route::PhaseRouting<over_spine_one>);
static_assert(route::PhaseRouting<phase_over_spine_one> &&
              !route::FlowRouting<phase_over_spine_one>);

template <class Policy>
std::vector<std::uint32_t> used(Policy policy, const std::vector<flow>& flows) {
  const auto ranks =
      traffic::make_group(dc, std::vector{gpu_id{0}, gpu_id{1}, gpu_id{2}, gpu_id{3}});
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{dc, links, ranks, none};
  std::vector<std::uint32_t> out;
  route::for_each_link(policy, v, std::span{flows}, [&](std::uint32_t l) { out.push_back(l); });
  return out;
}

}  // namespace

TEST_CASE("a flow uses its up-link and then its down-link") {
  const std::vector<std::uint32_t> expected{
      links.up(leaf_id{0}, spine_id{1}, 0), links.down(spine_id{1}, leaf_id{1}, 0),
      links.up(leaf_id{1}, spine_id{1}, 0), links.down(spine_id{1}, leaf_id{0}, 0)};
  CHECK(used(over_spine_one{}, {{0, 2}, {3, 1}}) == expected);
  CHECK(used(phase_over_spine_one{}, {{0, 2}, {3, 1}}) == expected);
}

TEST_CASE("flows under one leaf and those of the ideal network use no link") {
  CHECK(used(over_spine_one{}, {{0, 1}, {3, 2}}).empty());
  CHECK(used(phase_over_spine_one{}, {{0, 1}, {3, 2}}).empty());
  CHECK(used(route::ideal{}, {{0, 2}, {3, 1}}).empty());
}

TEST_CASE("a flow sees the load of those that were routed before it") {
  const auto ranks =
      traffic::make_group(dc, std::vector{gpu_id{0}, gpu_id{1}, gpu_id{2}, gpu_id{3}});
  std::vector<double> count(links.size(), 0);
  const auto load = [&](std::uint32_t l) { return count[l]; };
  const route::view<decltype(load)> v{dc, links, ranks, load};
  const auto least = [](const auto& view, const flow& f) {
    const leaf_id from = view.ranks.leafs[f.source];
    const auto on = [&](std::uint32_t s) { return view.load(view.links.up(from, spine_id{s}, 0)); };
    return path{spine_id{on(1) < on(0) ? 1 : 0}, 0, 0};
  };
  const std::vector<flow> flows{{0, 2}, {1, 3}};
  route::for_each_link(least, v, std::span{flows}, [&](std::uint32_t l) { ++count[l]; });
  CHECK(count[links.up(leaf_id{0}, spine_id{0}, 0)] == 1);
  CHECK(count[links.up(leaf_id{0}, spine_id{1}, 0)] == 1);
}
