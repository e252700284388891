// The collectives, and which source of phases stands for a name.
//
//   source             phases (N ranks, D bytes a rank)                         bytes of a flow
//   ring, N ≤ g        2(N−1): i → i±1, both directions at once                 D / 2N
//   ring, hierarchical (q−1) inside, 2(s−1) across, (q−1) inside the servers    D/q, D/(q·s), D/q
//   ring, flat         2(N−1): i → i+1                                          D / N
//   mesh_rings         on a mesh, in place of ring: along all dimensions at once, both ways    mesh_rings.hpp
//   halving_doubling   i ↔ i xor 2^t, t = 0…k−1 and back, N = 2^k               D / 2^(t+1)
//                      other N: the ranks beyond 2^k hand theirs to a partner
//                      before and get the result after                          D
//   all_to_all         N−1: i → (i+k) mod N, D bytes for each pair              D
//   hierarchical_      q−1 inside servers, (k, j) → (k, j+t), all that is for   s·D
//     all_to_all       column j+t; s−1 across, (k, j) → (k+t, j)                q·D
//   tree               two binary trees, D/2 each, in 32 chunks: up, then down, D / 64
//                      a chunk behind the other
//   server_tree          (q−1) inside, two trees over the s servers for each     D/q, D / 64q, D/q
//                      column, (q−1) inside
//   all_gather         N−1: i → i+1; D is what each rank has in the end         D / N
//   reduce_scatter     N−1: i → i+1; D is what each rank has before             D / N
//   broadcast          ⌈log2 N⌉: i → i + 2^t for i < 2^t, D from rank 0         D
//   pipeline           i → i+1, then i+1 → i: D over each stage boundary        D
//
// g is the size of a server. A ring is hierarchical if N is a multiple of g and every server used
// holds the same number q > 1 of consecutive ranks; s = N / q. Where that is not so, or N = q, a
// hierarchical all-to-all is pairwise.
//
// Every phase but those of the two-way ring, of rings of a mesh and of the trees is a partial permutation: each rank sends
// at most one flow and receives at most one.
#pragma once

#include <concepts>

#include <heddle/core/collective.hpp>
#include <heddle/core/job.hpp>
#include <heddle/traffic/all_gather.hpp>
#include <heddle/traffic/all_to_all.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/broadcast.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/halving_doubling.hpp>
#include <heddle/traffic/hierarchical_all_to_all.hpp>
#include <heddle/traffic/mesh_rings.hpp>
#include <heddle/traffic/phase_source.hpp>
#include <heddle/traffic/pipeline.hpp>
#include <heddle/traffic/ring.hpp>
#include <heddle/traffic/server_tree.hpp>
#include <heddle/traffic/tree.hpp>

namespace heddle::traffic {

// A collective that is added to the list and forgotten here does not compile: there is no `default`
// by which it could pass for another.
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
/// The phases of the collective of that name. \param bytes  D as in the table above, > 0
[[nodiscard]] inline any_source source_of(collective pattern, const group& ranks, double bytes) {
  switch (pattern) {
  case collective::none:
    break;
  case collective::ring:
    if (!ranks.mesh.empty()) return mesh_rings{ranks.mesh, bytes};
    return ring{ranks, bytes};
  case collective::halving_doubling:
    return halving_doubling{ranks, bytes};
  case collective::all_to_all:
    return all_to_all{ranks, bytes};
  case collective::tree:
    return tree{ranks, bytes};
  case collective::hierarchical_all_to_all:
    return hierarchical_all_to_all{ranks, bytes};
  case collective::all_gather:
    return all_gather{ranks, bytes};
  case collective::reduce_scatter:
    return reduce_scatter{ranks, bytes};
  case collective::broadcast:
    return broadcast{ranks, bytes};
  case collective::pipeline:
    return pipeline{ranks, bytes};
  case collective::server_tree:
    return server_tree{ranks, bytes};
  }
  return {};
}
#pragma GCC diagnostic pop

/// T is what jobs send: a function from a job, its group and a factor to a source of phases, whose
/// bytes are proportional to the factor. The source may be kept longer than the group.
template <class T>
concept JobTraffic = requires(const T& traffic, const job& j, const group& ranks, double bytes) {
  { traffic(j, ranks, bytes) } -> PhaseSource;
  { traffic(j, ranks, bytes) } -> std::convertible_to<any_source>;
};

/// Each job sends the collective that it names.
struct by_pattern {
  any_source operator()(const job& j, const group& ranks, double bytes) const {
    return source_of(j.pattern, ranks, bytes);
  }
};

}  // namespace heddle::traffic
