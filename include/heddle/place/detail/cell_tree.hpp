// The tree GPU block – server – NVLink domain – unit – pod, whose nodes are cells that a tenant may have.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/place/detail/blocks.hpp>

namespace heddle::place::detail {

/// What a cell is: an aligned block of a server's GPUs, or a whole part of the tree.
enum class cell_kind : unsigned char { block, domain, unit, pod };

/// A node of the tree, and the lowest id of the jobs in it.
struct tree_cell {
  cell_kind kind = cell_kind::block;
  std::uint32_t part = 0;  ///< a server, domain, unit or pod
  block at = {};           ///< of a server
  job_id oldest = {};

  friend auto operator<=>(const tree_cell& a, const tree_cell& b) {
    return std::tuple{a.part, a.at.first, a.oldest} <=> std::tuple{b.part, b.at.first, b.oldest};
  }
  [[nodiscard]] bool is_at(const tree_cell& other) const {
    return part == other.part && at.first == other.at.first;
  }
};

/// The whole parts of a cluster and their sizes; and, bound by bound, which of them are whole still.
class cell_tree {
 public:
  explicit cell_tree(const fabric::hosts& dc) : dc_(dc) {
    for (domain_id d : dc.all_domains()) count(cell_kind::domain, d.value);
    for (unit_id x : dc.all_units()) count(cell_kind::unit, x.value);
    for (pod_id p : dc.all_pods()) count(cell_kind::pod, p.value);
  }

  /// GPUs of the largest parts of a kind; of a block a server's.
  [[nodiscard]] int size(cell_kind k) const {
    return k == cell_kind::block ? dc_.gpus_per_server() : most_[index(k)] * dc_.gpus_per_server();
  }
  /// The kind of cells of so many GPUs, the smallest there is.
  [[nodiscard]] std::optional<cell_kind> kind_of(int gpus) const {
    if (gpus <= dc_.gpus_per_server())
      return std::has_single_bit(static_cast<unsigned>(gpus)) ? std::optional{cell_kind::block}
                                                              : std::nullopt;
    for (cell_kind k : above)
      if (size(k) == gpus) return k;
    return std::nullopt;
  }
  /// "1, 2, 4, 8, 72 or 576".
  [[nodiscard]] std::string sizes() const {
    std::vector<int> all;
    for (int n = 1; n <= dc_.gpus_per_server(); n *= 2) all.push_back(n);
    for (cell_kind k : above)
      if (size(k) > all.back()) all.push_back(size(k));
    std::string out = std::to_string(all[0]);
    for (std::size_t i = 1; i < all.size(); ++i)
      out += (i + 1 == all.size() ? " or " : ", ") + std::to_string(all[i]);
    return out;
  }
  /// How many whole parts of a kind there are: servers of full size, domains of as many of these as the
  /// largest has, and so on.
  [[nodiscard]] int whole_parts(cell_kind k) const {
    if (k != cell_kind::block) return static_cast<int>(whole_[index(k)].size());
    int n = 0;
    for (server_id s : dc_.all_servers()) n += is_full(s);
    return n;
  }
  [[nodiscard]] const std::vector<std::uint32_t>& all_whole(cell_kind k) const {
    return whole_[index(k)];
  }

  /// Calls `f(server)` for each server of a part.
  template <class F>
  void for_each_server(cell_kind k, std::uint32_t part, F&& f) const {
    if (k == cell_kind::block) return f(server_id{part});
    if (k == cell_kind::domain)
      for (server_id s : dc_.servers_of(domain_id{part})) f(s);
    else if (k == cell_kind::unit)
      for (server_id s : dc_.servers_of(unit_id{part})) f(s);
    else
      for (unit_id x : dc_.units_of(pod_id{part}))
        for (server_id s : dc_.servers_of(x)) f(s);
  }
  /// The part of a kind that a server lies in.
  [[nodiscard]] std::uint32_t part_of(cell_kind k, server_id s) const {
    switch (k) {
    case cell_kind::block:
      break;
    case cell_kind::domain:
      return dc_.domain_of(s).value;
    case cell_kind::unit:
      return dc_.unit_of(s).value;
    case cell_kind::pod:
      return dc_.pod_of(dc_.unit_of(s)).value;
    }
    return s.value;
  }

  /// Forgets what is bound. `used` says of which kinds above servers there are cells.
  void start(const std::array<bool, 4>& used) {
    used_ = used;
    bound_.assign(static_cast<std::size_t>(dc_.servers()), 0);
    for (cell_kind k : above)
      if (used_[static_cast<std::size_t>(k)]) {
        open_[index(k)].assign(static_cast<std::size_t>(parts(k)), 0);
        for (std::uint32_t part : whole_[index(k)]) open_[index(k)][part] = 1;
      }
  }
  /// GPUs of a server in bound cells.
  [[nodiscard]] word bound(server_id s) const { return bound_[s.index()]; }
  void bind(const tree_cell& c) {
    if (c.kind == cell_kind::block)
      bind(server_id{c.part}, c.at.mask());
    else
      for_each_server(c.kind, c.part, [&](server_id s) {
        bind(s, block{0, static_cast<int>(dc_.gpus_of(s).size())}.mask());
      });
  }
  /// The highest part with a server that is whole and of which nothing is bound: 0 for none, else 1 + its
  /// kind. To take what has least keeps parts whole.
  [[nodiscard]] int whole_above(server_id s, cell_kind below) const {
    for (std::size_t k = above.size(); k-- > 0 && above[k] > below;)
      if (used_[k + 1] && open_[k][part_of(above[k], s)]) return static_cast<int>(k) + 1;
    return 0;
  }
  /// Whether cells of a kind above servers are there at all.
  [[nodiscard]] bool has_large_cells() const { return used_[1] || used_[2] || used_[3]; }

  static constexpr std::array above{cell_kind::domain, cell_kind::unit, cell_kind::pod};

 private:
  static std::size_t index(cell_kind k) { return static_cast<std::size_t>(k) - 1; }
  [[nodiscard]] bool is_full(server_id s) const {
    return static_cast<int>(dc_.gpus_of(s).size()) == dc_.gpus_per_server();
  }
  [[nodiscard]] int parts(cell_kind k) const {
    return k == cell_kind::domain ? dc_.domains() : k == cell_kind::unit ? dc_.units() : dc_.pods();
  }
  void count(cell_kind k, std::uint32_t part) {
    int servers = 0;
    for_each_server(k, part, [&](server_id s) { servers += is_full(s); });
    if (servers > most_[index(k)]) {
      most_[index(k)] = servers;
      whole_[index(k)].clear();
    }
    if (servers == most_[index(k)]) whole_[index(k)].push_back(part);
  }
  void bind(server_id s, word gpus) {
    bound_[s.index()] |= gpus;
    for (cell_kind k : above)
      if (used_[static_cast<std::size_t>(k)]) open_[index(k)][part_of(k, s)] = 0;
  }

  fabric::hosts dc_;
  std::array<int, 3> most_{};                        // full servers, of the kinds above
  std::array<std::vector<std::uint32_t>, 3> whole_;  // parts with so many
  std::array<bool, 4> used_{};                       // by kind
  std::array<std::vector<char>, 3> open_;            // whole, and nothing of it bound
  std::vector<word> bound_;                          // of each server
};

/// Servers that no quota needs: cells of one size fill blocks of the next, up to the largest parts of which
/// there are cells.
/// \param quotas  of tenants, each `cells` of `gpus_per_cell`
/// \throws input_error  if they need more than there is, or cells of which there is no part
template <class Quotas>
[[nodiscard]] int servers_left(const cell_tree& tree, int g, const Quotas& quotas) {
  using kind = cell_kind;
  const auto check = [](long long servers, long long most) {
    if (servers > most)
      throw input_error("hived", "quotas of at most " + std::to_string(most) + " servers",
                        std::to_string(servers));
  };
  std::array<long long, 4> wanted{};  // cells of each kind above servers
  for (const auto& q : quotas) {
    const std::optional<kind> k = tree.kind_of(q.gpus_per_cell);
    if (!k)
      throw input_error("hived, tenant " + q.tenant, "cells of " + tree.sizes() + " GPUs",
                        std::to_string(q.gpus_per_cell));
    if (*k != kind::block) wanted[static_cast<std::size_t>(*k)] += q.cells;
  }
  long long blocks = 0;  // of the size looked at
  for (int size = 1; size <= g; size *= 2) {
    blocks = size > 1 ? (blocks + 1) / 2 : 0;
    for (const auto& q : quotas)
      if (q.gpus_per_cell == size) blocks += q.cells;
  }
  if (!std::has_single_bit(static_cast<unsigned>(g))) {  // each block has a server to itself
    blocks = 0;
    for (const auto& q : quotas) blocks += q.gpus_per_cell <= g ? q.cells : 0;
  }
  int each = 1;  // servers of a part of the kind looked at
  long long left = tree.whole_parts(kind::block);
  check(blocks, left);
  left -= blocks;
  for (kind k : cell_tree::above) {
    if (wanted[static_cast<std::size_t>(k)] == 0) continue;
    const int servers = tree.size(k) / g;
    blocks = (blocks * each + servers - 1) / servers + wanted[static_cast<std::size_t>(k)];
    each = servers;
    check(blocks * each, static_cast<long long>(tree.whole_parts(k)) * each);
    left = static_cast<long long>(tree.whole_parts(k)) * each - blocks * each;
  }
  return static_cast<int>(left);
}

}  // namespace heddle::place::detail
