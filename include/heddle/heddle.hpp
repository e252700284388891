// What it takes to schedule and simulate: models and curves, fabrics and their ledger, traffic and
// routing, orders, the usual allocations and placements, the scheduler, the simulator, traces of jobs.
// For examples and small programs; larger ones include the headers they use.
//
// By their own headers come what fewer programs need: fits to measurements (model/fit_time.hpp),
// choices of points by optimisation (choice/choice.hpp), fair shares (share/share.hpp), optical
// switches (optical/), a fabric as a graph (fabric/graph.hpp), allocations and placements that the
// menus of their rooms list.
#pragma once

#include <heddle/fwd.hpp>
#include <heddle/version.hpp>

#include <heddle/core/bits.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/move_price.hpp>
#include <heddle/core/random.hpp>
#include <heddle/core/statistics.hpp>

#include <heddle/model/catalogue.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/job_model.hpp>
#include <heddle/model/power.hpp>
#include <heddle/model/throughput.hpp>
#include <heddle/model/workload.hpp>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/power.hpp>

#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/route/verify.hpp>

#include <heddle/order/order.hpp>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>

#include <heddle/place/combinators.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/schedule/state.hpp>

#include <heddle/sim/report.hpp>
#include <heddle/sim/run.hpp>

#include <heddle/trace/csv.hpp>
#include <heddle/trace/fill.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>
