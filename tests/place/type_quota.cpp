#include <heddle/place/type_quota.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/clos_shape.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

#include "support/dice.hpp"

using namespace heddle;

TEST_CASE("a tenant never has more GPUs of a type than its share and is refused nothing else") {
  const fabric::leaf_spine dc{fabric::parts_of({.units = 4,
                                                .servers_per_unit = 2,
                                                .gpus_per_server = 4,
                                                .spines = 8,
                                                .type_of_server = {0, 1, 0, 1, 1, 1, 0, 0}})};
  const fabric::hosts& h = dc.hosts();
  const std::vector<place::type_share> shares{
      {"vision", 0, 6}, {"vision", 1, 10}, {"vision", any_gpu_type, 12}, {"speech", 1, 4}};
  const auto most = [&](const std::string& tenant, int type) {
    for (const place::type_share& s : shares)
      if (s.tenant == tenant && s.gpu_type == type) return s.gpus;
    return h.gpus();
  };
  const auto churn = [&](auto inner, std::uint64_t seed) {
    test::dice d{seed};
    place::type_quota policy{shares, inner};
    fabric::ledger book{dc};
    std::vector<std::pair<job_id, std::string>> held;
    std::size_t refused = 0;
    for (std::uint32_t id = 0; id < 4000; ++id) {
      if (!held.empty() && d.chance(.5)) {
        const std::size_t i = d.index(held.size());
        REQUIRE(book.release(held[i].first));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      const std::string tenant = std::vector<std::string>{"vision", "speech", "others"}[d.index(3)];
      const place::request job{.job = job_id{id},
                               .gpus = d.between(1, 5),
                               .tenant = tenant,
                               .gpu_type = d.chance(.3) ? any_gpu_type : d.between(0, 1)};
      place::answer a = place::ask(policy, std::as_const(book), job);
      const place::answer free = place::ask(inner, std::as_const(book), job);
      std::map<int, int> used;
      for (const auto& [other, where] : book.placements())
        if (book.tenant_of(other) == tenant)
          for (gpu_id g : where.gpus) ++used[any_gpu_type], ++used[h.type_of(h.server_of(g))];
      if (free) {
        std::map<int, int> with = used;
        for (gpu_id g : free.where->gpus) ++with[any_gpu_type], ++with[h.type_of(h.server_of(g))];
        bool fits = true;
        for (const auto& [type, n] : with)
          fits = fits && (n <= most(tenant, type) || n == used[type]);
        REQUIRE(static_cast<bool>(a) == fits);
        refused += !fits;
      }
      if (!a) {
        if (free) REQUIRE(a.why == place::wait_reason::gpus);
        continue;
      }
      REQUIRE(a.where->gpus == free.where->gpus);
      REQUIRE(book.reserve(job.job, *a.where, tenant) == fabric::reserve_status::reserved);
      held.emplace_back(job.job, tenant);
      // What it has it may have again, and as much once more only within the shares.
      REQUIRE(policy.may_have(book, job, *a.where));
    }
    CHECK(refused > 50);
  };
  churn(place::packed{}, 1);
  churn(place::vclos{}, 2);
}
