// Jobs that come one by one, so that a million need not be there at once.
#pragma once

#include <concepts>
#include <optional>

#include <heddle/core/job.hpp>
#include <heddle/model/curve.hpp>

namespace heddle::sim {

/// A job, and its curve, which outlives the simulation.
struct submission {
  job spec;
  const model::curve* curve = nullptr;
};

/// T hands out jobs in the order of their submission, by (submit_s, id), each once and with an id of its own; then
/// none, as often as it is asked. It is asked for a job when the one before has been submitted.
template <class T>
concept JobSource = requires(T& source) {
  { source.next() } -> std::same_as<std::optional<submission>>;
};

}  // namespace heddle::sim
