// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <utility>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric::archetype {

/// A NetworkBook and nothing more: no part of the network can be owned, and none fails.
struct network_book {
  template <class Part>
  static constexpr bool knows = false;

  network_book() = delete;
  template <class F>
  explicit network_book(const F&) {}
  network_book(const network_book&) = default;
  network_book& operator=(const network_book&) = default;

  [[nodiscard]] bool knows_all(const placement& p) const { return !p.owns_network(); }
  bool take(const placement&, job_id) { return true; }
  void give_back(const placement&) {}
  [[nodiscard]] bool all_work() const { return true; }
  void adopt_failures(const network_book&) {}

  friend bool operator==(const network_book&, const network_book&) { return true; }
};

/// A Fabric and nothing more: not default constructible, and it says nothing of its network.
struct fabric {
  using book = network_book;

  fabric() = delete;
  explicit fabric(heddle::fabric::hosts h) : hosts_(std::move(h)) {}

  [[nodiscard]] const heddle::fabric::hosts& hosts() const { return hosts_; }
  [[nodiscard]] heddle::fabric::equipment equipment() const { return {}; }

  friend bool operator==(const fabric& a, const fabric& b) { return a.hosts_ == b.hosts_; }

 private:
  heddle::fabric::hosts hosts_;
};

static_assert(NetworkBook<network_book, fabric>);
static_assert(Fabric<fabric>);

}  // namespace heddle::fabric::archetype
