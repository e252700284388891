// Fits of each model on each type of GPU, from its own samples or carried from another type.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/learn.hpp>
#include <heddle/model/other_type.hpp>

#include "common/program.hpp"
#include "fit/samples.hpp"

namespace heddle::examples::fit {

/// How groups are fitted.
struct fitting {
  heddle::model::power_form form = heddle::model::power_form::ridge;
  bool plain = false;
  std::vector<heddle::model::measured_table> others;  ///< whole tables of other jobs
};

/// All that was measured of one model on one type.
struct group {
  group_key key;
  std::string where;  ///< of its first row
  std::vector<heddle::model::sample> samples;
  heddle::model::time_fit time;
  std::optional<heddle::model::power_fit> power;
  std::string from;  ///< the type whose fit is carried here, or empty
  std::optional<heddle::model::typed_fit> carried;  ///< has this type and the one it comes from
};

struct prediction {
  heddle::model::prediction time;
  std::optional<double> power_w;
};

[[nodiscard]] inline prediction predict(const group& g, const heddle::model::sample& s) {
  const double limit = s.power_limit_w.value_or(0);
  if (g.carried) return {g.carried->predict(g.key[1], s.config, limit), std::nullopt};
  prediction p{g.time.predict(s.config, limit), std::nullopt};
  if (g.power)
    p.power_w = (*g.power)(s.config, g.time(s.config, limit),
                           g.time.clock(s.config.clock_ghz, limit), limit);
  return p;
}

[[nodiscard]] inline std::vector<group> grouped(const table& samples) {
  std::vector<group> groups;
  for (const row& r : samples.rows) {
    auto at = std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g.key == r.key; });
    if (at == groups.end()) {
      groups.emplace_back();
      at = std::prev(groups.end());
      at->key = r.key, at->where = r.where;
    }
    at->samples.push_back(r.sample);
  }
  return groups;
}

[[nodiscard]] inline std::vector<heddle::model::measured_table>
tables_of(const std::vector<group>& groups) {
  std::vector<heddle::model::measured_table> out;
  for (const group& g : groups) out.push_back({g.key[0], g.key[1], g.samples});
  return out;
}

/// What is believed of a job: what was learnt from other jobs, on the same type if there are any.
[[nodiscard]] inline heddle::model::time_beliefs beliefs_for(const group& g, const fitting& how) {
  std::vector<heddle::model::measured_table> all, same;
  for (const auto& t : how.others) {
    if (t.model == g.key[0]) continue;
    all.push_back(t);
    if (t.gpu_type == g.key[1]) same.push_back(t);
  }
  if (all.empty()) return {};
  std::set<int> counts;
  for (const auto& s : g.samples) counts.insert(s.config.gpus);
  return heddle::model::learn_beliefs(same.empty() ? all : same,
                                      {.counts = {counts.begin(), counts.end()}});
}

/// The group of the same model that knows most, if it is on another type and knows more.
[[nodiscard]] inline const group* base_of(const std::vector<group>& groups, const group_key& key,
                                          std::size_t samples) {
  const group* best = nullptr;
  for (const group& g : groups)
    if (g.key[0] == key[0] && g.key[1] != key[1] && !g.key[1].empty() && !g.carried &&
        g.samples.size() > samples && (!best || g.samples.size() > best->samples.size()))
      best = &g;
  return best;
}

/// Times on `to` over those on `from`: of the other jobs that were measured on both, and before that
/// of the datasheets if the catalogue knows both.
[[nodiscard]] inline heddle::model::type_ratio
ratio_for(const std::vector<group>& groups, const fitting& how, const std::string& model,
          const std::string& from, const std::string& to) {
  const heddle::model::catalogue known;
  const auto* a = known.find_gpu(from);
  const auto* b = known.find_gpu(to);
  std::vector<heddle::model::measured_table> tables;
  for (const auto& t : tables_of(groups))
    if (t.model != model && t.samples.size() >= 4) tables.push_back(t);
  for (const auto& t : how.others)
    if (t.model != model) tables.push_back(t);
  return heddle::model::learn_ratio(tables, from, to,
                                    a && b ? heddle::model::datasheet_ratio(*a, *b)
                                           : heddle::model::type_ratio{});
}

/// Groups in the order of their first rows, fitted. One of fewer than four samples whose model was
/// measured better on another type is carried from there.
/// \throws unmet_request  for a group that can be neither fitted nor carried
[[nodiscard]] inline std::vector<group> fit_groups(const table& samples, const fitting& how) {
  std::vector<group> groups = grouped(samples);
  constexpr std::size_t few = 4;
  std::vector<group*> thin;
  for (group& g : groups) {
    const bool power = std::any_of(g.samples.begin(), g.samples.end(),
                                   [](const auto& s) { return s.power_w.has_value(); });
    if (!how.plain && !power && g.samples.size() < few && base_of(groups, g.key, few - 1)) {
      thin.push_back(&g);
      continue;
    }
    try {
      g.time = heddle::model::fit_time(g.samples, {.batch_profile = !how.plain,
                                                   .knee = !how.plain,
                                                   .ring = !how.plain,
                                                   .beliefs = beliefs_for(g, how)});
    } catch (const input_error& e) {
      throw unmet_request(g.where + ": expected " + e.expected() + " of " + in_words(g.key) +
                          ", got " + e.got());
    }
    if (power)
      g.power = heddle::model::fit_power(g.samples, g.time,
                                         {.form = how.form, .batch_profile = !how.plain});
  }
  for (group* g : thin) {
    const group& base = *base_of(groups, g->key, few - 1);
    g->from = base.key[1];
    g->carried.emplace(g->from, base.time);
    g->carried->add_type(g->key[1], ratio_for(groups, how, g->key[0], g->from, g->key[1]),
                         g->samples);
  }
  return groups;
}

/// A group that nobody measured, carried from another type; none if the model was measured on none.
[[nodiscard]] inline std::optional<group> unmeasured(const std::vector<group>& groups,
                                                     const fitting& how, const group_key& key) {
  const group* base = key[1].empty() ? nullptr : base_of(groups, key, 0);
  if (!base) return std::nullopt;
  group g;
  g.key = key, g.where = base->where, g.from = base->key[1];
  g.carried.emplace(g.from, base->time);
  g.carried->add_type(key[1], ratio_for(groups, how, key[0], g.from, key[1]));
  return g;
}

/// One model on all its types: the fit on the best measured one, carried to all others.
[[nodiscard]] inline heddle::model::typed_fit over_types(const std::vector<group>& groups,
                                                         const fitting& how,
                                                         const std::string& model,
                                                         const std::set<std::string>& wanted) {
  const group* base = nullptr;
  for (const group& g : groups)
    if (g.key[0] == model && !g.carried && (!base || g.samples.size() > base->samples.size()))
      base = &g;
  if (!base) throw unmet_request("expected samples of " + model + ", got none");
  heddle::model::typed_fit job(base->key[1], base->time);
  std::set<std::string> types = wanted;
  for (const group& g : groups)
    if (g.key[0] == model) types.insert(g.key[1]);
  for (const std::string& type : types) {
    if (type == base->key[1]) continue;
    const auto at = std::find_if(groups.begin(), groups.end(), [&](const group& g) {
      return g.key[0] == model && g.key[1] == type;
    });
    job.add_type(type, ratio_for(groups, how, model, base->key[1], type),
                 at == groups.end() ? std::vector<heddle::model::sample>{} : at->samples);
  }
  return job;
}

}  // namespace heddle::examples::fit
