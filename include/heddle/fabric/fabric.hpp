// What a network of servers has to say of itself to be scheduled on.
#pragma once

#include <concepts>
#include <span>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// B keeps the owners of the links of an F that jobs may own (`link_book`, `circuit_book`, or
/// `no_links` where they own none). A change happens whole or not at all. `B::knows<Part>` says whether
/// parts of that type can fail; what the book then has to do is `link_book::mark`.
template <class B, class F>
concept NetworkBook = std::copyable<B> && std::equality_comparable<B> &&
    std::constructible_from<B, const F&> &&
    requires(B& book, const B& asked, const placement& p, job_id job) {
  { asked.knows_all(p) } -> std::same_as<bool>;
  { book.take(p, job) } -> std::same_as<bool>;
  {book.give_back(p)};
  { asked.all_work() } -> std::same_as<bool>;
  {book.adopt_failures(asked)};
  { B::template knows<leaf_id> } -> std::convertible_to<bool>;
};

/// B is a book of circuits, which can move while jobs own them.
template <class B>
concept RewirableBook = requires(B& book, std::span<const circuit_move> moves,
                                 placement* (*held_by)(job_id)) {
  { book.rewire(moves, held_by) } -> std::same_as<reserve_status>;
};

/// F is a cluster as an immutable value: its hosts, what draws power in its network, and the book in
/// which the links that jobs own are kept. Which leafs or links it has is between it and the policies
/// that ask for them; those that give away GPUs alone need no more than this.
template <class F>
concept Fabric = std::copyable<F> && std::equality_comparable<F> && requires(const F& f) {
  { f.hosts() } -> std::same_as<const hosts&>;
  { f.equipment() } -> std::same_as<equipment>;
  requires NetworkBook<typename F::book, F>;
};

/// The book of a fabric on which jobs own GPUs and nothing else.
struct no_links {
  explicit no_links(const auto& /*fabric*/) {}

  template <class Part>
  static constexpr bool knows = false;

  [[nodiscard]] bool knows_all(const placement& p) const { return !p.owns_network(); }
  [[nodiscard]] bool take(const placement&, job_id) { return true; }
  void give_back(const placement&) {}
  [[nodiscard]] bool all_work() const { return true; }
  void adopt_failures(const no_links&) {}

  friend bool operator==(const no_links&, const no_links&) = default;
};

}  // namespace heddle::fabric
