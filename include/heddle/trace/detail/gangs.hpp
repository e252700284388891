// Jobs of several components that start together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/trace/detail/source_jobs.hpp>

namespace heddle::trace::detail {

/// Whether a name is one of a component, like 100+1.
[[nodiscard]] inline bool is_component(std::string_view name) {
  const auto plus = name.find('+');
  const auto digits = [](std::string_view s) {
    return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return plus != std::string_view::npos && digits(name.substr(0, plus)) &&
         digits(name.substr(plus + 1));
}

/// Adds components up to one job each: Slurm gives them their nodes together and starts them as one. It has
/// the GPUs of all, runs as long as the longest that holds any, and has the state that is furthest from
/// success.
class gangs {
 public:
  /// \throws input_error  at `where` for a component that was there before
  void add(source_job&& part, std::string where) {
    if (!seen_.insert(part.name).second)
      throw input_error(where, "each job once", shown(part.name) + " again");
    std::string name = part.name.substr(0, part.name.find('+'));
    const auto [at, is_new] = index_of_.try_emplace(name, all_.size());
    if (is_new) {
      part.name = std::move(name);
      all_.push_back({std::move(part), std::move(where), 1});
      return;
    }
    gang& g = all_[at->second];
    source_job& whole = g.job;
    ++g.components;
    const bool holds = part.gpus > 0, held = whole.gpus > 0;
    if (holds == held)
      whole.duration_s = std::max(whole.duration_s, part.duration_s);
    else if (holds)
      whole.duration_s = part.duration_s;
    whole.gpus += part.gpus;
    whole.submit_s = std::min(whole.submit_s, part.submit_s);
    whole.status = std::max(whole.status, part.status);
    if (whole.vc.empty()) whole.vc = std::move(part.vc);
  }
  /// Gives the jobs, each in the place of its first component.
  void give(job_collector& out) {
    for (gang& g : all_) {
      for (std::size_t i = 1; i < g.components; ++i) out.component();
      out.add(std::move(g.job), g.where);
    }
  }

 private:
  struct gang {
    source_job job;
    std::string where;
    std::size_t components = 0;
  };
  std::vector<gang> all_;
  std::map<std::string, std::size_t> index_of_;
  std::set<std::string> seen_;
};

}  // namespace heddle::trace::detail
