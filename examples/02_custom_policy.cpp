// A placement policy of one's own, in five lines: jobs that fit under a leaf wait for one rather
// than cross the spines, where others would slow them down. Compared with the built-in packing.
#include <iostream>

#include <heddle/heddle.hpp>

using namespace heddle;

// Models PlacementPolicy: it gives away GPUs alone, so it asks for a book of GPUs and runs on any fabric.
struct patient {
  place::answer operator()(const fabric::gpu_book& free, const place::request& job) const {
    if (job.gpus <= free.hosts().gpus_per_unit()) return place::one_leaf{}(free, job);
    return place::packed{}(free, job);
  }
};
static_assert(place::PlacementPolicy<patient>);

int main() {
  const fabric::leaf_spine dc{{.leafs = 16, .spines = 32}};
  const auto jobs =
      trace::with_curves(trace::vclos_workload{.jobs = 1000, .load = 0.6}(), model::catalogue());
  // An order can be a lambda: who wants fewest GPUs goes first.
  const auto small_first = [](const order::entry& a, const order::entry& b) {
    return a.spec->gpus < b.spec->gpus;
  };
  schedule::scheduler ours{small_first, allocate::requested{},
                           place::first_of{place::one_server{}, patient{}}, route::ecmp{}};
  schedule::scheduler packed{small_first, allocate::requested{}, place::packed{}, route::ecmp{}};

  const auto a = sim::run(dc, jobs, ours), b = sim::run(dc, jobs, packed);
  std::cout << "run times stretched: patient " << a.mean_slowdown << ", packed " << b.mean_slowdown
            << "\nmean waiting:        patient " << a.mean_jwt_s << " s, packed " << b.mean_jwt_s
            << " s\n";
}
