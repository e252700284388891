// Ways of flows over the links of a static torus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/route/mesh_ways.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// Numbers both directions of every link of a torus, by the chip that a flow leaves. A side of 2 has one
/// link, whichever way one goes.
class torus_links {
 public:
  explicit torus_links(const fabric::torus& dc) : dc_(dc) {}

  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(dc_.hosts().gpus()) * dc_.dimensions() * 2;
  }
  [[nodiscard]] std::uint32_t number(gpu_id from, std::size_t dimension, bool back) const {
    return (from.value * static_cast<std::uint32_t>(dc_.dimensions()) +
            static_cast<std::uint32_t>(dimension)) *
               2 +
           (back && dc_.sides()[dimension] > 2 ? 1 : 0);
  }
  [[nodiscard]] gpu_id from(std::uint32_t number) const {
    return gpu_id{number / 2 / static_cast<std::uint32_t>(dc_.dimensions())};
  }
  [[nodiscard]] gpu_id to(std::uint32_t number) const {
    const std::size_t d = number / 2 % dc_.dimensions();
    fabric::chip_grid::cell c = dc_.cell_of(from(number));
    c[d] = (c[d] + (number % 2 ? dc_.sides()[d] - 1 : 1)) % dc_.sides()[d];
    return dc_.at(c);
  }
  /// The link from a chip to a neighbour; nothing if it is none.
  [[nodiscard]] std::optional<std::uint32_t> between(gpu_id from, gpu_id to) const {
    const auto a = dc_.cell_of(from), b = dc_.cell_of(to);
    std::optional<std::uint32_t> found;
    for (std::size_t d = 0; d < dc_.dimensions(); ++d) {
      if (a[d] == b[d]) continue;
      const row_way w = way_along(a[d], b[d], dc_.sides()[d], true);
      if (found || w.hops != 1) return std::nullopt;
      found = number(from, d, w.back);
    }
    return found;
  }
  [[nodiscard]] const fabric::torus& fabric() const { return dc_; }

 private:
  fabric::torus dc_;
};

/// The ways of one job's flows, by dimension order. Through its mesh, where it has one: from rank to
/// neighbouring rank, over links of its own, also around rows whose ends are neighbours. Else through the
/// torus, the shorter way around, over links of all. One writer.
class torus_ways {
 public:
  explicit torus_ways(const fabric::torus& dc) : links_(dc) {}

  [[nodiscard]] const torus_links& links() const { return links_; }

  /// For the flows that follow. O(ranks · dimensions). Precondition: the neighbours of its mesh are so on
  /// the torus.
  void start(const fabric::placement& where) {
    gpus_ = where.gpus;
    link_of_.clear();
    if (where.shape.empty()) return;
    mesh_ = mesh_ways{where.shape, rings_of(where)};
    link_of_.resize(mesh_.links());
    for (std::uint32_t r = 0; r < gpus_.size(); ++r)
      for (std::size_t d = 0; d < where.shape.size(); ++d)
        for (const bool back : {false, true})
          link_of_[mesh_.number(r, d, back)] =
              links_.between(gpus_[r], gpus_[mesh_.next(r, d, back)]).value_or(0);
  }
  /// Calls `use(number)` for each directed link of a flow between ranks. O(hops).
  template <class Use>
  void operator()(const traffic::flow& f, Use&& use) const {
    if (!link_of_.empty()) {
      mesh_(f, [&](std::uint32_t l) { use(link_of_[l]); });
      return;
    }
    const fabric::torus& dc = links_.fabric();
    fabric::chip_grid::cell at = dc.cell_of(gpus_[f.source]);
    const auto end = dc.cell_of(gpus_[f.target]);
    for (std::size_t d = 0; d < dc.dimensions(); ++d) {
      const row_way w = way_along(at[d], end[d], dc.sides()[d], true);
      for (int h = 0; h < w.hops; ++h) {
        use(links_.number(dc.at(at), d, w.back));
        at[d] = (at[d] + (w.back ? dc.sides()[d] - 1 : 1)) % dc.sides()[d];
      }
    }
  }

 private:
  /// Dimensions of which the ends of all rows are neighbours on the torus.
  [[nodiscard]] mesh_ways::rings rings_of(const fabric::placement& where) const {
    mesh_ways::rings ring{};
    std::uint32_t stride = 1;
    for (std::size_t d = 0; d < where.shape.size(); ++d) {
      const auto side = static_cast<std::uint32_t>(where.shape[d]);
      ring[d] = side > 2;
      for (std::uint32_t r = 0; r < gpus_.size() && ring[d]; ++r)
        if (r / stride % side == 0)
          ring[d] = links_.between(gpus_[r], gpus_[r + stride * (side - 1)]).has_value();
      stride *= side;
    }
    return ring;
  }

  torus_links links_;
  mesh_ways mesh_{box_shape{}};
  std::vector<gpu_id> gpus_;
  std::vector<std::uint32_t> link_of_;  // of each directed link of the mesh; empty: no mesh
};

/// Looks at every flow of a job's phases: which link is not its own, in words; nothing if all are. A link
/// is a job's if both its ends are, so no two jobs of which that holds meet anywhere. Knows nothing of how
/// placements were found. O(flows · hops).
template <traffic::PhaseSource Source>
[[nodiscard]] std::optional<std::string> isolation_fault(const fabric::ledger<fabric::torus>& book,
                                                         job_id job, const Source& all) {
  const fabric::placement* p = book.find(job);
  if (!p) return "it holds nothing";
  torus_ways ways{book.fabric()};
  ways.start(*p);
  std::vector<traffic::flow> flows;
  std::optional<std::string> fault;
  for (std::size_t k = 0; k < all.size() && !fault; ++k) {
    (void)all.write(k, flows);
    for (const traffic::flow& f : flows) {
      gpu_id at = p->gpus[f.source];
      ways(f, [&](std::uint32_t l) {
        const gpu_id a = ways.links().from(l), b = ways.links().to(l);
        if (fault) return;
        if (a != at)
          fault = "a flow leaves a chip that it has not come to";
        else if (book.owner(a) != job || book.owner(b) != job)
          fault = "phase " + std::to_string(k) + ": a flow uses the link from chip " +
                  std::to_string(a.value) + " to " + std::to_string(b.value) +
                  ", which is not its own";
        at = b;
      });
      if (!fault && at != p->gpus[f.target]) fault = "a flow does not arrive";
    }
  }
  return fault;
}

}  // namespace heddle::route
