// Books of GPUs: what a ledger keeps for policies that give away GPUs alone, and the tenants.
#include <heddle/fabric/gpu_book.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::gpu_book;
using fabric::leaf_spine;
using fabric::ledger;
using fabric::reserve_status;

namespace {

const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 4}};

int gpus_that_are_free(const gpu_book& book) { return book.free_gpus(); }

}  // namespace

TEST_CASE("a ledger is a book of GPUs to whom asks for one") {
  ledger l{dc};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}, gpu_id{5}}}, "a") == reserve_status::reserved);
  CHECK(gpus_that_are_free(l) == 14);
  const gpu_book& book = l;
  CHECK(&book == &l.gpus());
  CHECK(book.hosts() == dc.hosts());
  CHECK(book.owner(gpu_id{5}) == job_id{1});
  CHECK(book.find(job_id{1})->gpus == std::vector{gpu_id{0}, gpu_id{5}});
  CHECK(book.free_gpus(server_id{1}) == 3);
  CHECK(book.free_gpus(unit_id{0}) == 6);
  CHECK(book.idle_servers() == 2);
  CHECK(book.is_idle(server_id{2}));
  CHECK_FALSE(book.is_idle(server_id{0}));
}

TEST_CASE("a book remembers for whom a job was booked until it leaves") {
  std::map<job_id, std::string> tenants;
  ledger l{dc};
  test::dice d{1};
  for (int i = 0; i < 5000; ++i) {
    CAPTURE(i);
    const job_id job{d.between(0, 9)};
    if (l.find(job)) {
      REQUIRE(l.release(job));
      tenants.erase(job);
    } else {
      const std::string tenant(d.index(3), 'x');  // none, or one of two
      if (l.reserve(job, {{gpu_id{d.between(0, 15)}}}, tenant) == reserve_status::reserved)
        tenants[job] = tenant;
    }
    for (std::uint32_t j = 0; j < 10; ++j) {
      const auto it = tenants.find(job_id{j});
      REQUIRE(l.tenant_of(job_id{j}) == (it == tenants.end() ? std::string{} : it->second));
    }
    if (i % 64 == 0) REQUIRE(l.consistent());
  }
}

TEST_CASE("books of different tenants differ and a refused reservation names none") {
  ledger a{dc}, b{dc};
  REQUIRE(a.reserve(job_id{1}, {{gpu_id{0}}}, "a") == reserve_status::reserved);
  REQUIRE(b.reserve(job_id{1}, {{gpu_id{0}}}, "b") == reserve_status::reserved);
  CHECK(a != b);
  CHECK(a.reserve(job_id{1}, {{gpu_id{1}}}, "c") == reserve_status::job_present);
  CHECK(a.tenant_of(job_id{1}) == "a");
  CHECK(a.reserve(job_id{2}, {{gpu_id{0}}}, "c") == reserve_status::gpu_taken);
  CHECK(a.tenant_of(job_id{2}).empty());
  CHECK(a.release(job_id{1}));
  CHECK(a.tenant_of(job_id{1}).empty());
  CHECK(b.extract(job_id{1}).has_value());
  CHECK(a == b);
  CHECK(a == ledger{dc});
}

TEST_CASE("a copied book keeps its tenants when the original lets them go") {
  ledger l{dc};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}}}, std::string("gone")) == reserve_status::reserved);
  const ledger copy = l;
  l.release(job_id{1});
  CHECK(copy.tenant_of(job_id{1}) == "gone");
}

TEST_CASE("GPUs of a failed server are free to nobody and count nowhere") {
  ledger l{dc};
  l.fail(server_id{0});
  CHECK_FALSE(l.all_work());
  CHECK_FALSE(l.gpus().all_work());
  CHECK(l.gpus().is_failed(server_id{0}));
  CHECK_FALSE(l.gpus().is_failed(gpu_id{0}));
  CHECK(l.free_gpus(server_id{0}) == 0);
  CHECK(l.free_gpus(unit_id{0}) == 4);
  CHECK(l.idle_servers(unit_id{0}) == 1);
  CHECK(count_bits(l.free_gpu_bits()) == 12);
  CHECK(l.reserve(job_id{1}, {{gpu_id{0}}}) == reserve_status::gpu_taken);
  CHECK(l.repair(server_id{0}));
  CHECK(l.all_work());
}
