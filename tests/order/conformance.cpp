// The promises that `order::check` looks for: kept by all orders, and seen where broken.
#include <heddle/order/conformance.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <heddle/order/archetypes.hpp>
#include <heddle/order/gittins.hpp>
#include <heddle/order/order.hpp>

using namespace heddle;
using order::entry;

namespace {

template <class Order>
std::string broken(Order order) {
  std::string all;
  for (const std::string& s : order::check(std::move(order))) all += s + '\n';
  return all;
}

// Falls once at 10 000 GPU-seconds and says that it stays for twice as long as it does.
struct hasty {
  bool operator()(const entry& a, const entry& b) const {
    return a.attained_gpu_s < 1e4 && b.attained_gpu_s >= 1e4;
  }
  [[nodiscard]] double steady_for_s(const entry& e, int gpus) const {
    return e.attained_gpu_s < 1e4 ? 2 * (1e4 - e.attained_gpu_s) / gpus
                                  : std::numeric_limits<double>::infinity();
  }
};

}  // namespace

TEST_CASE("every order of the room keeps what schedulers rely on") {
  CHECK(broken(order::fifo{}) == "");
  CHECK(broken(order::fewest_gpus{}) == "");
  CHECK(broken(order::shortest{}) == "");
  CHECK(broken(order::shortest_remaining{}) == "");
  CHECK(broken(order::deadline{}) == "");
  CHECK(broken(order::least_attained{}) == "");
  CHECK(broken(order::shortest_service<>{}) == "");
  CHECK(broken(order::gittins{{500, 4000, 4000, 9000, 20000, 100000}}) == "");
  CHECK(broken(order::archetype::order_policy{0}) == "");
}

TEST_CASE("an order that breaks a promise is told which") {
  const auto has = [](const std::string& all, const char* promise) {
    return all.find(promise) != std::string::npos;
  };
  CHECK(has(broken([](const entry& a, const entry& b) { return a.spec->gpus <= b.spec->gpus; }),
            "no entry goes before itself"));
  CHECK(has(broken([](const entry& a, const entry& b) { return a.spec->gpus != b.spec->gpus; }),
            "of two at most one goes first"));
  // Job 0 before 1, 1 before 2, 2 before 0.
  CHECK(has(broken([](const entry& a, const entry& b) {
              return (b.spec->id.value + 3 - a.spec->id.value % 3) % 3 == 1;
            }),
            "who goes before one that goes before a third goes before the third"));
  // Much shorter ones first: alike is not transitive.
  CHECK(has(broken([](const entry& a, const entry& b) {
              return a.spec->duration_s + 700 < b.spec->duration_s;
            }),
            "who is like one that is like a third is like the third"));
  CHECK(has(broken([asked = 0](const entry& a, const entry& b) mutable {
              return ++asked % 7 != 0 && a.spec->gpus < b.spec->gpus;
            }),
            "asked again it answers the same"));
  CHECK(has(broken(hasty{}), "a claim stays for as long as it is said to"));
}
