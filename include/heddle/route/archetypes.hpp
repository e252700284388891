// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <array>
#include <span>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/contention.hpp>

namespace heddle::route::archetype {

/// A Contention and nothing more: it can be moved, but neither copied, assigned nor default
/// constructed. Everybody is slowed down alike, from the start.
struct contention {
  /// Only convertible to double.
  struct stretch {
    double value;
    operator double() const { return value; }
  };
  explicit contention(double slowdown) : slowdown_{slowdown} {}
  contention(contention&&) = default;
  contention& operator=(contention&&) = delete;

  void add(const job& spec, const fabric::placement&) { changed_ = {spec.id}; }
  void remove(job_id owner) { changed_ = {owner}; }
  stretch slowdown(job_id) const { return slowdown_; }
  const std::array<job_id, 1>& changed() const { return changed_; }

 private:
  stretch slowdown_;
  std::array<job_id, 1> changed_ = {};
};

static_assert(Contention<contention>);

}  // namespace heddle::route::archetype
