#include <heddle/allocate/powerflow.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "slurm_pilot/fly.hpp"

namespace heddle::pilot {

namespace {
template <class Fabric>
void fly_on(const flight& w, const machine<Fabric>& cluster) {
  job_needs needs;
  schedule::scheduler plan{order_of{orders.at(w.a.order)}, allocate::powerflow{},
                           even_servers{w.place.on<Fabric>(), &needs}, route::source{},
                           admit::elastic{.least_gain_s = w.options.settle_s, .ask_place = true}};
  fly(w, cluster, plan, needs);
}
}  // namespace

void fly_elastic(const flight& w, const machine<fabric::leaf_spine>& cluster) {
  fly_on(w, cluster);
}
void fly_elastic(const flight& w, const machine<fabric::leaf_spine_ocs>& cluster) {
  fly_on(w, cluster);
}

}  // namespace heddle::pilot
