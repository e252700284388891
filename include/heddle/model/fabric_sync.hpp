// Synchronisation as a fabric gives it, in place of fitted constants.
#pragma once

#include <concepts>

#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// T is a function from (gpus, servers) to the time of one synchronisation in s: the collective's
/// phases over the links of a placement, under whatever shares them.
template <class T>
concept SyncTime = requires(const T& sync_time, int gpus, int servers) {
  { sync_time(gpus, servers) } -> std::convertible_to<double>;
};

/// `model` with its synchronisation replaced by `sync_time(gpus, servers)`; what it overlaps with is
/// the gradient time. Here the model of a job and the model of a network meet; the model knows no
/// fabric.
///
///     fabric_synchronised job{resnet, [&](int gpus, int servers) { return ring_s(gpus, servers); }};
template <ThroughputModel Model, SyncTime Sync>
struct fabric_synchronised {
  Model model;
  Sync sync_time;    ///< called for gpus > 1 only
  double gamma = 1;  ///< overlap of gradient time and synchronisation, ≥ 1

  [[nodiscard]] step_time operator()(const configuration& c) const {
    step_time t = model(c);
    t.sync_s = c.gpus > 1 ? sync_time(c.gpus, c.servers) : 0;
    t.total_s = overlapped(t.compute_s, t.sync_s, gamma);
    return t;
  }
};

template <class M, class S>
fabric_synchronised(M, S) -> fabric_synchronised<M, S>;
template <class M, class S>
fabric_synchronised(M, S, double) -> fabric_synchronised<M, S>;

}  // namespace heddle::model
