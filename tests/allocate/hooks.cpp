#include <heddle/allocate/allocation_policy.hpp>

#include <doctest/doctest.h>

#include <span>

#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/static_clock.hpp>
#include <heddle/order/order.hpp>

using namespace heddle;

namespace {

// A policy with any set of hooks.
struct plain {
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits&,
                  allocate::allocation& out) const {
    out.assign(jobs.size(), nullptr);
  }
};
struct elastic_one : plain {
  static constexpr bool elastic = true;
};
struct rigid_one : plain {
  static constexpr bool elastic = false;
};
struct timed : plain {
  double round_length_s() const { return 7; }
};
struct both : timed {
  static constexpr bool elastic = true;
};

// A wrapper says of itself what its policy says.
template <template <class> class Wrapper, class Policy>
constexpr bool forwards_all() {
  using outer = Wrapper<Policy>;
  return allocate::AllocationPolicy<outer> &&
         allocate::ElasticPolicy<outer> == allocate::ElasticPolicy<Policy> &&
         allocate::TimeSharing<outer> == allocate::TimeSharing<Policy>;
}
template <template <class> class Wrapper>
constexpr bool forwards_all_of_all() {
  return forwards_all<Wrapper, plain>() && forwards_all<Wrapper, elastic_one>() &&
         forwards_all<Wrapper, rigid_one>() && forwards_all<Wrapper, timed>() &&
         forwards_all<Wrapper, both>() && forwards_all<Wrapper, allocate::requested>() &&
         forwards_all<Wrapper, allocate::powerflow>() && forwards_all<Wrapper, allocate::max_min>();
}
template <class Policy>
using capped_twice = allocate::static_clock<allocate::static_clock<Policy>>;

}  // namespace

TEST_CASE("every wrapper of an allocation has every hook that its policy has, and no other") {
  static_assert(forwards_all_of_all<allocate::static_clock>());
  static_assert(forwards_all_of_all<capped_twice>());
  CHECK(allocate::static_clock<timed>{}.round_length_s() == 7);
  allocate::static_clock<allocate::max_min> capped{1, {.round_s = 90}};
  CHECK(capped.round_length_s() == 90);
  capped.policy.round_s = 30;  // it is asked, not remembered
  CHECK(capped.round_length_s() == 30);
}

TEST_CASE("only orders whose claims change with time are said to age") {
  static_assert(order::AgeingOrder<order::least_attained>);
  static_assert(!order::AgeingOrder<order::fifo>);
  static_assert(!order::AgeingOrder<order::shortest_remaining>);
  CHECK(order::least_attained{.levels_gpu_s = {100}}.steady_for_s({.attained_gpu_s = 20}, 4) == 20);
}
