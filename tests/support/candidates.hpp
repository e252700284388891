// Jobs as allocation policies see them.
#pragma once

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/model/curve.hpp>

namespace heddle::test {

inline allocate::candidate job_on(const model::curve& c, double work = 1000, double weight = 1) {
  allocate::candidate j;
  j.curve = &c;
  j.work = work;
  j.weight = weight;
  return j;
}

}  // namespace heddle::test
