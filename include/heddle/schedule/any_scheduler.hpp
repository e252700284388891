// A scheduler chosen at run time.
#pragma once

#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/scheduler_concept.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule {

/// A model of contention whose routing is not part of its type. Erased once per job that comes or
/// goes, not per flow. Move only. One writer.
class any_network {
 public:
  template <class Network>
    requires(!std::is_same_v<std::remove_cvref_t<Network>, any_network>)
  explicit any_network(Network network)
      : object_(new Network(std::move(network)), [](void* p) { delete static_cast<Network*>(p); }),
        calls_(&calls_of<Network>) {}

  void add(const job& spec, const fabric::placement& where) {
    calls_->add(object_.get(), spec, where);
  }
  void remove(job_id owner) { calls_->remove(object_.get(), owner); }
  [[nodiscard]] double slowdown(job_id owner) const {
    return calls_->slowdown(object_.get(), owner);
  }
  [[nodiscard]] std::span<const job_id> changed() const { return calls_->changed(object_.get()); }

 private:
  struct calls {
    void (*add)(void*, const job&, const fabric::placement&);
    void (*remove)(void*, job_id);
    double (*slowdown)(const void*, job_id);
    std::span<const job_id> (*changed)(const void*);
  };
  template <class N>
  static constexpr calls calls_of{
      [](void* n, const job& j, const fabric::placement& p) { static_cast<N*>(n)->add(j, p); },
      [](void* n, job_id j) { static_cast<N*>(n)->remove(j); },
      [](const void* n, job_id j) {
        return static_cast<double>(static_cast<const N*>(n)->slowdown(j));
      },
      [](const void* n) { return std::span<const job_id>(static_cast<const N*>(n)->changed()); }};

  std::unique_ptr<void, void (*)(void*)> object_;
  const calls* calls_;
};

/// Any scheduler behind one type, for programs that are told on the command line what to do. A
/// decision costs one indirect call more. Move only. One writer.
///
///     schedule::any_scheduler plan{schedule::scheduler{order::fifo{}, ...}};
/// \tparam Fabric  that it schedules on
template <class Fabric = fabric::leaf_spine>
class any_scheduler {
 public:
  template <class Scheduler>
    requires(!std::is_same_v<std::remove_cvref_t<Scheduler>, any_scheduler>)
  explicit any_scheduler(Scheduler plan)
      : object_(new Scheduler(std::move(plan)), [](void* p) { delete static_cast<Scheduler*>(p); }),
        calls_(table_of<Scheduler>()) {}

  [[nodiscard]] decision decide(state<Fabric>& s, double now_s) {
    return calls_->decide(object_.get(), s, now_s);
  }
  [[nodiscard]] bool carry_out(state<Fabric>& s, double now_s, const decision& d) {
    return calls_->carry_out(object_.get(), s, now_s, d);
  }
  [[nodiscard]] const scheduler_options& options() const { return calls_->options(object_.get()); }
  /// The network under this scheduler's routing.
  [[nodiscard]] any_network make_network(const Fabric& dc, const route::steady_options& o) const {
    return calls_->network(object_.get(), dc, o);
  }

 private:
  struct calls {
    decision (*decide)(void*, state<Fabric>&, double);
    bool (*carry_out)(void*, state<Fabric>&, double, const decision&);
    const scheduler_options& (*options)(const void*);
    any_network (*network)(const void*, const Fabric&, const route::steady_options&);
  };
  template <class S>
  static constexpr calls calls_of{
      [](void* s, state<Fabric>& x, double now_s) { return static_cast<S*>(s)->decide(x, now_s); },
      [](void* s, state<Fabric>& x, double now_s, const decision& d) {
        return static_cast<S*>(s)->carry_out(x, now_s, d);
      },
      [](const void* s) -> const scheduler_options& { return static_cast<const S*>(s)->options(); },
      [](const void* s, const Fabric& dc, const route::steady_options& o) {
        const S& plan = *static_cast<const S*>(s);
        if constexpr (requires { plan.make_network(dc, o); })  // it knows one that is erased itself
          return plan.make_network(dc, o);
        else
          return any_network{route::contention_on(dc, plan.route(), o)};
      }};

  template <class S>
  static constexpr const calls* table_of() {
    static_assert(Scheduler<S, Fabric>,
                  "any_scheduler holds a scheduler: decide, carry_out and options as in "
                  "schedule/scheduler_concept.hpp");
    if constexpr (Scheduler<S, Fabric>)
      return &calls_of<S>;
    else
      return nullptr;
  }

  std::unique_ptr<void, void (*)(void*)> object_;
  const calls* calls_;
};

}  // namespace heddle::schedule
