// The slow-down of jobs that share the links of a static torus.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/box_shapes.hpp>
#include <heddle/core/collective.hpp>
#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/detail/footprint.hpp>
#include <heddle/route/detail/steady_book.hpp>
#include <heddle/route/mesh_ways.hpp>
#include <heddle/route/steady_options.hpp>
#include <heddle/route/torus_ways.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// The model of `steady` (steady.hpp) on a static torus, flows by dimension order (torus_ways.hpp). A phase
/// takes as long as its fullest link does; its slow-down is against the same job alone where it stands, if
/// that is a mesh, or else in the best box of so many chips, open. So a job in a mesh is slowed down by
/// jobs without one alone, whose flows go through it, and exactly 1 if there are none.
template <class Traffic = traffic::by_pattern>
class torus_steady {
  static_assert(
      traffic::JobTraffic<Traffic>,
      "what jobs send is a function (const job&, const traffic::group&, double bytes) to a "
      "PhaseSource: see traffic/collectives.hpp");

 public:
  explicit torus_steady(const fabric::torus& dc, steady_options options = {}, Traffic traffic = {})
      : hosts_(dc.hosts()), ways_(dc), traffic_(std::move(traffic)), options_(options),
        book_(ways_.links().size(), options.rounds, options.step), builder_(ways_.links().size()) {}

  /// Adds the flows of `owner`: of a source, of the collective of that name, or what a job sends.
  /// \param duty  share of the time in which it communicates when nothing slows it down, in [0, 1].
  /// Precondition: `owner` is not there yet. O(flows of the phases looked at · hops).
  template <traffic::PhaseSource Source>
  void add(job_id owner, const fabric::placement& where, const Source& source, communication duty) {
    put(owner, where, duty, [&](const traffic::group&) -> const Source& { return source; });
  }
  void add(job_id owner, const fabric::placement& where, collective pattern, communication duty) {
    put(owner, where, duty,
        [&](const traffic::group& ranks) { return traffic::source_of(pattern, ranks, 1.0); });
  }
  void add(const job& spec, const fabric::placement& where) {
    put(spec.id, where, spec.communication(),
        [&](const traffic::group& ranks) { return traffic_(spec, ranks, 1.0); });
  }
  /// Precondition, here and below: `owner` is there.
  void remove(job_id owner) { book_.remove(owner); }
  [[nodiscard]] double slowdown(job_id owner) const { return book_.slowdown(owner); }
  /// As of `steady`.
  [[nodiscard]] std::span<const job_id> changed() const { return book_.changed(); }

 private:
  template <class Make>
  void put(job_id owner, const fabric::placement& where, communication duty, Make&& make) {
    book_.add(owner, duty, [&](detail::footprint& use) {
      if (where.gpus.size() < 2 || !(duty.on_network() > 0)) return;
      const traffic::group ranks = traffic::make_mesh_group(hosts_, where.gpus, where.shape);
      const auto& all = make(ranks);
      ways_.start(where);
      const bool scattered = where.shape.empty();
      const mesh_ways best{scattered ? best_box(ranks.size()) : box_shape{}};
      if (scattered) load_.assign(best.links(), 0);
      builder_.begin(use);
      detail::for_each_sample(all.size(), options_.phase_samples, [&](std::size_t k) {
        const traffic::phase p = all.write(k, flows_);
        int most = 1;
        for (const traffic::flow& f : flows_)
          ways_(f, [&](std::uint32_t l) {
            builder_.count(l);
            if (!scattered) most = std::max(most, builder_.load(l));
          });
        if (scattered) {
          for (const traffic::flow& f : flows_)
            best(f, [&](std::uint32_t l) { most = std::max(most, ++load_[l]); });
          std::fill(load_.begin(), load_.end(), 0);
        }
        builder_.end_phase(p.bytes * p.repeat * most, most);
      });
      builder_.finish();
    });
  }
  [[nodiscard]] static box_shape best_box(int ranks) {
    const auto all = boxes_of(ranks);
    return all.empty() ? box_shape{ranks} : all.front();
  }

  fabric::hosts hosts_;
  torus_ways ways_;
  Traffic traffic_;
  steady_options options_;
  detail::steady_book book_;
  detail::footprint_builder builder_;
  std::vector<traffic::flow> flows_;
  std::vector<int> load_;
};

}  // namespace heddle::route
