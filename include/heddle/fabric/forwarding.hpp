// Forwarding tables of an InfiniBand network: by which port a switch sends what goes to a LID.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <heddle/fabric/switch_ports.hpp>

namespace heddle::fabric {

/// For each switch and LID the port, a byte; the bytes of a LID stand together. A value.
class forwarding {
 public:
  static constexpr std::uint8_t none = 255;  ///< the switch drops it

  forwarding() = default;
  /// Without entries. \param lids  one more than the largest LID
  forwarding(std::uint32_t switches, std::uint32_t lids)
      : switches_(switches), lids_(lids), ports_(std::size_t{switches} * lids, none) {}

  [[nodiscard]] std::uint32_t switches() const { return switches_; }
  [[nodiscard]] std::uint32_t lids() const { return lids_; }
  [[nodiscard]] std::uint8_t port(std::uint32_t at, std::uint32_t lid) const {
    assert(at < switches_ && lid < lids_);
    return ports_[std::size_t{lid} * switches_ + at];
  }
  void set(std::uint32_t at, std::uint32_t lid, std::uint8_t port) {
    assert(at < switches_ && lid < lids_);
    ports_[std::size_t{lid} * switches_ + at] = port;
  }
  /// The ports of all switches towards one LID.
  [[nodiscard]] std::span<const std::uint8_t> row(std::uint32_t lid) const {
    return {ports_.data() + std::size_t{lid} * switches_, switches_};
  }

  friend bool operator==(const forwarding&, const forwarding&) = default;

 private:
  std::uint32_t switches_ = 0, lids_ = 0;
  std::vector<std::uint8_t> ports_;
};

/// What is wrong with the entries towards one LID.
struct forwarding_fault {
  enum class kind : unsigned char {
    no_entry,      ///< a switch on the way drops it
    missing_port,  ///< an entry leads to a port without a cable in service
    wrong_end,     ///< to a port of another host
    up_after_down,  ///< a way goes up again after it went down: buffers can wait for one another in a ring
    loop,
  };
  kind what = kind::no_entry;
  std::uint32_t lid = 0, from = 0, at = 0;  ///< the way from switch `from` fails at switch `at`
  std::uint8_t port = forwarding::none;

  [[nodiscard]] std::string message() const {
    const std::string where = "LID " + std::to_string(lid) + " from switch " +
                              std::to_string(from) + ": switch " + std::to_string(at);
    const std::string by = " sends it to port " + std::to_string(port);
    switch (what) {
    case kind::no_entry:
      return where + " has no entry for it";
    case kind::missing_port:
      return where + by + ", where no cable in service is";
    case kind::wrong_end:
      return where + by + ", where another host is";
    case kind::up_after_down:
      return where + by + ", up again after it came down";
    case kind::loop:
      break;
    }
    return where + by + ", where it has been before";
  }
};

/// Follows the entries towards a LID from each switch of the lowest tier that cables join with it: each way must end at `end`,
/// over cables in service, and never go up after it went down, which leaves no loop and no deadlock. To
/// switches themselves, which answer management alone, ways may turn. Returns the first fault.
/// O(switches of the lowest tier · length of a way).
[[nodiscard]] inline std::optional<forwarding_fault>
first_fault(const switch_ports& wires, const forwarding& tables, std::uint32_t lid, port_end end) {
  using kind = forwarding_fault::kind;
  const std::span<const std::uint8_t> row = tables.row(lid);
  constexpr int most_hops = 8;
  for (std::uint32_t from = 0; from < wires.size(); ++from) {
    if (wires.tier(from) != 0 || wires.island(from) != wires.island(end.at)) continue;
    std::uint32_t at = from;
    bool came_down = false;
    for (int hops = 0;; ++hops) {
      const std::uint8_t port = row[at];
      const auto fault = [&](kind k) { return forwarding_fault{k, lid, from, at, port}; };
      if (at == end.at && port == end.port) break;
      if (port == forwarding::none) return fault(kind::no_entry);
      const port_end next = wires.peer({at, port});
      if (at == end.at && !next.valid()) return fault(kind::wrong_end);
      if (port == 0 || !next.valid() || !wires.is_alive({at, port}))
        return fault(kind::missing_port);
      const bool up = wires.tier(next.at) > wires.tier(at);
      if (up && came_down && end.port != 0) return fault(kind::up_after_down);
      if (hops == most_hops) return fault(kind::loop);
      came_down |= !up;
      at = next.at;
    }
  }
  return std::nullopt;
}

}  // namespace heddle::fabric
