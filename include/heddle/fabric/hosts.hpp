// GPUs in servers, servers in NVLink domains, units and pods: what allocation, packing and energy need.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/ids.hpp>

namespace heddle::fabric {

/// A server as it is found.
struct host {
  int gpus = 8;        ///< ≥ 0; a server without GPUs is there, but can be given to nobody
  bool joins = false;  ///< shares the NVLink domain of the server before it, in the same unit
  /// Of its GPUs, as an index of a list of one's own (model::gpu_type), below `most_gpu_types`.
  std::uint16_t type = 0;

  friend bool operator==(const host&, const host&) = default;
};

/// Which GPUs are in which server, which servers share an *NVLink domain* (by default each is one by
/// itself), and which form a *unit*: servers that hang on the same leafs in the same order. Where a
/// server hangs whole under one leaf, its unit is just that leaf's servers; on a rail-optimized
/// network it is a scalable unit, on a network of which no wires are known any group that lies near.
/// Units may stand in *pods*, groups that are nearer to one another than to the rest: where nobody says so
/// there is one.
///
/// An immutable value; copies are cheap. GPU ids are consecutive by server, server ids by domain,
/// domains by unit. All queries are O(1) and allocate nothing.
class hosts {
 public:
  /// Units of equal servers.
  /// \throws input_error  if a number is less than 1, or there are more than 2^28 GPUs
  hosts(int units, int servers_per_unit, int gpus_per_server, int servers_per_domain = 1) {
    at_least_one("units", units);
    at_least_one("servers_per_unit", servers_per_unit);
    at_least_one("gpus_per_server", gpus_per_server);
    at_least_one("servers_per_domain", servers_per_domain);
    if (const double all = 1.0 * units * servers_per_unit * gpus_per_server; all > largest)
      throw input_error("hosts", "at most 2^28 GPUs",
                        std::to_string(static_cast<long long>(std::min(all, 9e18))));
    auto t = std::make_shared<tables>();
    for (int u = 0; u < units; ++u) {
      t->begin_unit();
      for (int s = 0; s < servers_per_unit; ++s)
        t->add({.gpus = gpus_per_server, .joins = s % servers_per_domain != 0});
    }
    t->close();
    tables_ = std::move(t);
  }

  /// As found: the servers of each unit.
  /// \throws input_error  if there is no GPU, or a number of them is negative
  explicit hosts(const std::vector<std::vector<host>>& units) {
    auto t = std::make_shared<tables>();
    for (const std::vector<host>& unit : units) {
      t->begin_unit();
      for (const host& one : unit) {
        if (one.gpus < 0)
          throw input_error("hosts", "0 GPUs of a server or more", std::to_string(one.gpus));
        if (one.type >= most_gpu_types)
          throw input_error("hosts", "a GPU type from 0 to " + std::to_string(most_gpu_types - 1),
                            std::to_string(one.type));
        t->add(one);
      }
    }
    t->close();
    if (t->server_of_gpu.empty()) throw input_error("hosts", "a GPU", "none");
    tables_ = std::move(t);
  }

  /// The same in pods: of each unit the number of its pod, from 0.
  /// \throws input_error  if there are not as many numbers as units, or a pod has no unit
  [[nodiscard]] hosts in_pods(const std::vector<std::uint32_t>& pod_of_unit) const {
    if (pod_of_unit.size() != static_cast<std::size_t>(units()))
      throw input_error("hosts", "a pod for each of " + std::to_string(units()) + " units",
                        std::to_string(pod_of_unit.size()));
    auto t = std::make_shared<tables>(*tables_);
    t->pods.assign(1 + *std::max_element(pod_of_unit.begin(), pod_of_unit.end()), {});
    if (t->pods.size() > pod_of_unit.size())
      throw input_error("hosts", "a unit in each pod", std::to_string(t->pods.size()) + " pods");
    t->pod_of_unit = pod_of_unit;
    for (unit_id x : all_units()) t->pods[pod_of_unit[x.index()]].push_back(x);
    for (const std::vector<unit_id>& pod : t->pods)
      if (pod.empty()) throw input_error("hosts", "a unit in each pod", "none");
    hosts out = *this;
    out.tables_ = std::move(t);
    return out;
  }

  [[nodiscard]] int gpus() const { return static_cast<int>(tables_->server_of_gpu.size()); }
  [[nodiscard]] int servers() const { return static_cast<int>(tables_->unit_of_server.size()); }
  [[nodiscard]] int domains() const {
    return static_cast<int>(tables_->servers_of_domain.size()) - 1;
  }
  [[nodiscard]] int units() const { return static_cast<int>(tables_->servers_of_unit.size()) - 1; }
  [[nodiscard]] int pods() const { return static_cast<int>(tables_->pods.size()); }
  /// Of the largest server, unit.
  [[nodiscard]] int gpus_per_server() const { return tables_->most_of_server; }
  [[nodiscard]] int gpus_per_unit() const { return tables_->most_of_unit; }
  /// Of the largest NVLink domain.
  [[nodiscard]] int servers_per_domain() const { return tables_->most_of_domain; }
  /// Whether all servers have the same number of GPUs.
  [[nodiscard]] bool even_servers() const { return tables_->least_of_server == gpus_per_server(); }

  [[nodiscard]] id_range<gpu_id> all_gpus() const { return {0, u(gpus())}; }
  [[nodiscard]] id_range<server_id> all_servers() const { return {0, u(servers())}; }
  [[nodiscard]] id_range<domain_id> all_domains() const { return {0, u(domains())}; }
  [[nodiscard]] id_range<unit_id> all_units() const { return {0, u(units())}; }
  [[nodiscard]] id_range<pod_id> all_pods() const { return {0, u(pods())}; }

  [[nodiscard]] server_id server_of(gpu_id g) const {
    return server_id{tables_->server_of_gpu[g.index()]};
  }
  [[nodiscard]] domain_id domain_of(server_id s) const {
    return domain_id{tables_->domain_of_server[s.index()]};
  }
  [[nodiscard]] unit_id unit_of(server_id s) const {
    return unit_id{tables_->unit_of_server[s.index()]};
  }
  [[nodiscard]] unit_id unit_of(gpu_id g) const { return unit_of(server_of(g)); }
  [[nodiscard]] pod_id pod_of(unit_id x) const {
    return pod_id{tables_->pod_of_unit.empty() ? 0 : tables_->pod_of_unit[x.index()]};
  }
  /// One more than the largest `host::type`: 1 where nobody says so.
  [[nodiscard]] int gpu_types() const { return static_cast<int>(tables_->gpus_of_type.size()); }
  /// Of that type there are.
  [[nodiscard]] int gpus_of_type(int type) const {
    return type < gpu_types() ? tables_->gpus_of_type[static_cast<std::size_t>(type)] : 0;
  }
  /// Of the server's GPUs; see `host::type`.
  [[nodiscard]] std::uint16_t type_of(server_id s) const {
    return tables_->type_of_server.empty() ? std::uint16_t{0} : tables_->type_of_server[s.index()];
  }

  [[nodiscard]] id_range<gpu_id> gpus_of(server_id s) const {
    return range<gpu_id>(tables_->gpus_of_server, s);
  }
  [[nodiscard]] id_range<gpu_id> gpus_of(unit_id x) const {
    return range<gpu_id>(tables_->gpus_of_unit, x);
  }
  [[nodiscard]] id_range<server_id> servers_of(domain_id d) const {
    return range<server_id>(tables_->servers_of_domain, d);
  }
  [[nodiscard]] id_range<server_id> servers_of(unit_id x) const {
    return range<server_id>(tables_->servers_of_unit, x);
  }
  /// NVLink domains of a unit.
  [[nodiscard]] id_range<domain_id> domains_of(unit_id x) const {
    const auto of = servers_of(x);
    if (of.empty()) return {};
    const server_id last{of.front().value + of.size() - 1};
    return {domain_of(of.front()).value, domain_of(last).value + 1};
  }
  /// Units of a pod, ascending. Valid as long as the hosts are.
  [[nodiscard]] std::span<const unit_id> units_of(pod_id p) const {
    return tables_->pods[p.index()];
  }
  /// Where `g` stands among the GPUs of its server, from 0.
  [[nodiscard]] int index_in_server(gpu_id g) const {
    return static_cast<int>(g.value - tables_->gpus_of_server[server_of(g).index()]);
  }

  friend bool operator==(const hosts& a, const hosts& b) {
    return a.tables_ == b.tables_ || *a.tables_ == *b.tables_;
  }

 private:
  /// Where the parts of a part begin, with an end; and of which part one is.
  struct tables {
    std::vector<std::uint32_t> servers_of_unit, servers_of_domain, gpus_of_unit, gpus_of_server;
    std::vector<std::uint32_t> unit_of_server, domain_of_server, server_of_gpu;
    std::vector<std::uint16_t> type_of_server;  // empty: all of type 0
    std::vector<int> gpus_of_type{0};
    std::vector<std::uint32_t> pod_of_unit;  // empty: there is one
    std::vector<std::vector<unit_id>> pods;
    int most_of_server = 0, least_of_server = 0, most_of_unit = 0, most_of_domain = 0;

    [[nodiscard]] std::uint32_t servers() const {
      return static_cast<std::uint32_t>(unit_of_server.size());
    }
    [[nodiscard]] std::uint32_t gpus() const {
      return static_cast<std::uint32_t>(server_of_gpu.size());
    }

    void begin_unit() {
      servers_of_unit.push_back(servers());
      gpus_of_unit.push_back(gpus());
    }
    void add(const host& one) {
      const std::uint32_t s = servers();
      if (!one.joins || s == servers_of_unit.back()) servers_of_domain.push_back(s);
      gpus_of_server.push_back(gpus());
      server_of_gpu.insert(server_of_gpu.end(), static_cast<std::size_t>(one.gpus), s);
      domain_of_server.push_back(static_cast<std::uint32_t>(servers_of_domain.size() - 1));
      unit_of_server.push_back(static_cast<std::uint32_t>(servers_of_unit.size() - 1));
      if (one.type != 0) type_of_server.resize(s, 0);
      if (one.type != 0 || !type_of_server.empty()) type_of_server.push_back(one.type);
      if (one.type >= gpus_of_type.size()) gpus_of_type.resize(one.type + std::size_t{1}, 0);
      gpus_of_type[one.type] += one.gpus;
      least_of_server = s == 0 ? one.gpus : std::min(least_of_server, one.gpus);
      most_of_server = std::max(most_of_server, one.gpus);
    }
    void close() {
      servers_of_unit.push_back(servers());
      servers_of_domain.push_back(servers());
      gpus_of_unit.push_back(gpus());
      gpus_of_server.push_back(gpus());
      pods.resize(1);
      for (std::uint32_t x = 0; x + 1 < servers_of_unit.size(); ++x) pods[0].push_back(unit_id{x});
      for (std::size_t d = 0; d + 1 < servers_of_domain.size(); ++d)
        most_of_domain = std::max(
            most_of_domain, static_cast<int>(servers_of_domain[d + 1] - servers_of_domain[d]));
      for (std::size_t x = 0; x + 1 < gpus_of_unit.size(); ++x)
        most_of_unit =
            std::max(most_of_unit, static_cast<int>(gpus_of_unit[x + 1] - gpus_of_unit[x]));
    }
    friend bool operator==(const tables&, const tables&) = default;
  };

  static constexpr double largest = 1 << 28;

  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }
  static void at_least_one(const char* field, int value) {
    if (value < 1)
      throw input_error(std::string("hosts.") + field, "at least 1", std::to_string(value));
  }
  template <class Part, class Whole>
  static id_range<Part> range(const std::vector<std::uint32_t>& first, Whole x) {
    return {first[x.index()], first[x.index() + 1]};
  }

  std::shared_ptr<const tables> tables_;
};

}  // namespace heddle::fabric
