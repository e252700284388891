#include <heddle/allocate/requested.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "slurm_pilot/fly.hpp"

namespace heddle::pilot {

namespace {
template <class Fabric>
void fly_on(const flight& w, const machine<Fabric>& cluster) {
  job_needs needs;
  schedule::scheduler plan{order_of{orders.at(w.a.order)}, allocate::requested{},
                           even_servers{w.place.on<Fabric>(), &needs}, route::source{},
                           backfills.at(w.a.backfill)};
  fly(w, cluster, plan, needs);
}
}  // namespace

void fly_rigid(const flight& w, const machine<fabric::leaf_spine>& cluster) { fly_on(w, cluster); }
void fly_rigid(const flight& w, const machine<fabric::leaf_spine_ocs>& cluster) {
  fly_on(w, cluster);
}

}  // namespace heddle::pilot
