#include <heddle/fabric/hosts.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>

#include "support/dice.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using fabric::host;
using fabric::hosts;

namespace {

// Units of servers with 0 to 4 GPUs, of up to three types, some of which join the server before.
std::vector<std::vector<host>> random_units(test::dice& d) {
  std::vector<std::vector<host>> units(1 + d.index(5));
  for (std::vector<host>& unit : units)
    for (std::size_t n = d.index(5); n > 0; --n)
      unit.push_back({.gpus = d.between(0, 4),
                      .joins = d.chance(.4),
                      .type = static_cast<std::uint16_t>(d.chance(.5) ? 0 : d.index(3))});
  units[d.index(units.size())].push_back({.gpus = 1});
  return units;
}

}  // namespace

TEST_CASE("hosts as found are numbered through units, domains, servers and GPUs") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::vector<std::vector<host>> found = random_units(d);
    const hosts dc{found};
    REQUIRE(dc.units() == static_cast<int>(found.size()));
    std::uint32_t g = 0, s = 0, domain = 0;
    int most_of_server = 0, most_of_unit = 0, least_of_server = 1 << 20;
    for (std::size_t u = 0; u < found.size(); ++u) {
      const unit_id x{u};
      const std::uint32_t first_gpu = g, first_server = s;
      for (std::size_t i = 0; i < found[u].size(); ++i, ++s) {
        const host& one = found[u][i];
        const server_id server{s};
        if (s > 0 && (i == 0 || !one.joins)) ++domain;  // no domain reaches over two units
        REQUIRE(dc.unit_of(server) == x);
        REQUIRE(dc.domain_of(server) == domain_id{domain});
        REQUIRE(dc.type_of(server) == one.type);
        REQUIRE(dc.gpus_of(server).size() == static_cast<std::uint32_t>(one.gpus));
        for (int k = 0; k < one.gpus; ++k, ++g) {
          const gpu_id gpu{g};
          REQUIRE(dc.server_of(gpu) == server);
          REQUIRE(dc.unit_of(gpu) == x);
          REQUIRE(dc.index_in_server(gpu) == k);
          REQUIRE((k > 0 || dc.gpus_of(server).front() == gpu));
        }
        most_of_server = std::max(most_of_server, one.gpus);
        least_of_server = std::min(least_of_server, one.gpus);
      }
      REQUIRE(dc.servers_of(x).size() == s - first_server);
      REQUIRE(dc.gpus_of(x).size() == g - first_gpu);
      if (s > first_server) REQUIRE(dc.servers_of(x).front() == server_id{first_server});
      if (g > first_gpu) REQUIRE(dc.gpus_of(x).front() == gpu_id{first_gpu});
      most_of_unit = std::max(most_of_unit, static_cast<int>(g - first_gpu));
    }
    REQUIRE(dc.gpus() == static_cast<int>(g));
    REQUIRE(dc.servers() == static_cast<int>(s));
    REQUIRE(dc.domains() == static_cast<int>(domain + 1));
    REQUIRE(dc.gpus_per_server() == most_of_server);
    REQUIRE(dc.gpus_per_unit() == most_of_unit);
    REQUIRE(dc.even_servers() == (most_of_server == least_of_server));
    REQUIRE(dc.all_gpus().size() == g);
    REQUIRE(dc.all_servers().size() == s);
    REQUIRE(dc.all_domains().size() == domain + 1);
    REQUIRE(dc.all_units().size() == found.size());
    std::uint32_t in_domains = 0;
    for (domain_id one : dc.all_domains())
      for (server_id member : dc.servers_of(one)) {
        REQUIRE(dc.domain_of(member) == one);
        REQUIRE(member == server_id{in_domains++});
      }
    REQUIRE(in_domains == s);
    REQUIRE(dc == hosts{found});
  }
}

TEST_CASE("equal hosts by numbers are those that are listed one by one") {
  for (const auto& [units, servers, gpus, together] :
       {std::array{1, 1, 1, 1}, {3, 4, 8, 1}, {2, 18, 4, 18}, {2, 7, 2, 3}, {5, 2, 3, 9}}) {
    std::vector<std::vector<host>> listed(static_cast<std::size_t>(units));
    for (std::vector<host>& unit : listed)
      for (int s = 0; s < servers; ++s) unit.push_back({.gpus = gpus, .joins = s % together != 0});
    const hosts dc{units, servers, gpus, together};
    CHECK(dc == hosts{listed});
    CHECK(dc.even_servers());
    CHECK(dc.domains() == units * ((servers + together - 1) / together));
    CHECK(dc.gpus() == units * servers * gpus);
  }
}

TEST_CASE("hosts are equal if their servers, domains, units and types are") {
  const hosts dc{2, 2, 4};
  const hosts copy = dc;
  CHECK(copy == dc);
  CHECK(dc == hosts{2, 2, 4, 1});
  CHECK(dc != hosts{2, 2, 4, 2});
  CHECK(dc != hosts{1, 4, 4});
  CHECK(dc != hosts{2, 4, 2});
  CHECK(dc != hosts{{{{.gpus = 4}, {.gpus = 4}}, {{.gpus = 4}, {.gpus = 4, .type = 1}}}});
  CHECK(dc == hosts{{{{.gpus = 4}, {.gpus = 4}}, {{.gpus = 4}, {.gpus = 4}}}});
}

TEST_CASE("hosts without a part are refused by name") {
  CHECK(test::refusal_of([] { hosts{0, 1, 1}; }) == "hosts.units: expected at least 1, got 0");
  CHECK(test::refusal_of([] {
          hosts{1, -2, 1};
        }) == "hosts.servers_per_unit: expected at least 1, got -2");
  CHECK(test::refusal_of([] {
          hosts{1, 1, 0};
        }) == "hosts.gpus_per_server: expected at least 1, got 0");
  CHECK(test::refusal_of([] {
          hosts{1, 1, 1, 0};
        }) == "hosts.servers_per_domain: expected at least 1, got 0");
  CHECK(test::refusal_of([] {
          hosts{1 << 14, 1 << 10, 1 << 5};
        }) == "hosts: expected at most 2^28 GPUs, got 536870912");
  CHECK(test::refusal_of([] {
          hosts{{{{.gpus = 1}, {.gpus = -4}}}};
        }) == "hosts: expected 0 GPUs of a server or more, got -4");
  CHECK(test::refusal_of([] { hosts{std::vector<std::vector<host>>{}}; }) ==
        "hosts: expected a GPU, got none");
  CHECK(test::refusal_of([] { hosts{{{{.gpus = 0}}, {}}}; }) == "hosts: expected a GPU, got none");
}
