#include "common/named_networks.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/crux.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/traffic/collectives.hpp>

#include "common/named_policies.hpp"

namespace heddle::examples {

traffic::any_source steps_of_models::operator()(const job& j, const traffic::group& ranks,
                                                double bytes) const {
  const auto step = of.find(j.model);
  if (step == of.end() || !step->second.fits(ranks.size()))
    return traffic::source_of(j.pattern, ranks, bytes);
  return step->second.on(ranks, bytes);
}

steps_of_models read_steps(const json_file& file, const any_fabric& on,
                           const model::workload& jobs) {
  steps_of_models out;
  if (!file.value().is_object()) file.fail({}, "an object of model: training step");
  for (const auto& [model, step] : file.value().items())
    out.of[model] = read_step(step, [&, &model = model](const std::string& expected, const auto&) {
      file.fail({model}, expected);
    });
  std::set<std::pair<std::string, int>> seen;
  std::vector<gpu_id> gpus;
  for (gpu_id g : on.hosts().all_gpus()) gpus.push_back(g);
  for (const job& j : jobs.jobs) {
    const auto step = out.of.find(j.model);
    if (step == out.of.end() || j.gpus > on.gpus() || !seen.insert({j.model, j.gpus}).second)
      continue;
    try {
      (void)step->second.on(on.on([&](const auto& dc) {
        return traffic::make_group(dc, std::span{gpus}.first(static_cast<std::size_t>(j.gpus)));
      }));
    } catch (const input_error& e) {
      throw input_error(file.where({j.model}) + ": job " + std::to_string(j.id.value) + ", " +
                            e.where(),
                        e.expected(), e.got());
    }
  }
  return out;
}

schedule::any_network network_named(const std::string& contention, const std::string& route,
                                    std::uint64_t seed, const any_fabric& on,
                                    const route::flow_contention_options& o,
                                    const steps_of_models& traffic,
                                    const route::steady_options& steady) {
  const sharing how = find_named(contentions, "--contention", contention).value;
  if (how != sharing::steady && steady.step > 0)
    throw input_error("--contention-step", "steady, which knows steps", contention);
  if (!on.has_leafs()) {
    if (how != sharing::steady)
      throw input_error("--contention", "steady, since the cluster has no leafs and spines",
                        contention);
    if (!traffic.of.empty())
      throw input_error("--steps", "none, since the cluster has no leafs and spines", "steps");
    if (route != dimension_order.name && route != "ideal")
      throw input_error("--route",
                        std::string(dimension_order.name) +
                            " or ideal, since the cluster has no leafs and spines",
                        route);
    if (route == "ideal") return schedule::any_network{route::no_contention{}};
    return on.on_any([&](const auto& dc) {
      return schedule::any_network{route::contention_on(dc, route::source{}, steady)};
    });
  }
  if (route == "crux" && how == sharing::steady)
    return on.on([&](const auto& dc) {
      return schedule::any_network{route::crux{dc, steady, traffic}};
    });
  return with_route(route, seed, [&](auto routing) {
    return on.on([&](const auto& dc) {
      return how == sharing::steady
                 ? schedule::any_network{route::steady{dc, std::move(routing), steady, traffic}}
                 : schedule::any_network{
                       route::flow_contention{dc, std::move(routing), o, traffic}};
    });
  });
}

}  // namespace heddle::examples
