#include <heddle/core/ids.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <functional>
#include <type_traits>
#include <vector>

using namespace heddle;

static_assert(!std::convertible_to<gpu_id, leaf_id>);
static_assert(!std::constructible_from<gpu_id, leaf_id>);
static_assert(!std::convertible_to<int, gpu_id>);
static_assert(!std::convertible_to<gpu_id, int>);
static_assert(std::is_trivially_copyable_v<gpu_id> && sizeof(gpu_id) == 4);
static_assert(gpu_id{3} < gpu_id{4} && gpu_id{3} == gpu_id{3u});

TEST_CASE("an id that was given no value is invalid and comes after all others") {
  CHECK_FALSE(job_id{}.valid());
  CHECK(job_id{0}.valid());
  CHECK(job_id{4294967294u}.valid());
  CHECK_FALSE(job_id{4294967295u}.valid());
  CHECK(job_id{4294967294u} < job_id{});
}

TEST_CASE("an id is the index of its entity") {
  CHECK(leaf_id{17}.index() == 17);
  CHECK(std::hash<leaf_id>{}(leaf_id{17}) == 17);
}

TEST_CASE("a range of ids goes from its first to before its last") {
  const id_range<server_id> r{2, 5};
  std::vector<server_id> seen;
  for (server_id s : r) seen.push_back(s);
  CHECK(seen == std::vector{server_id{2}, server_id{3}, server_id{4}});
  CHECK(r.size() == 3);
  CHECK(r.front() == server_id{2});
  CHECK_FALSE(r.empty());
  auto it = r.begin();
  CHECK(*it++ == server_id{2});
  CHECK(*it == server_id{3});
}

TEST_CASE("a range of no ids is empty") {
  CHECK(id_range<gpu_id>{}.empty());
  CHECK(id_range<gpu_id>{7, 7}.size() == 0);
  for (gpu_id g : id_range<gpu_id>{7, 7}) FAIL("there is GPU " << g.value);
}
