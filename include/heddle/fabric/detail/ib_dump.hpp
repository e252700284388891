// The nodes and links that a dump of ibnetdiscover tells of.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::fabric::detail {

struct ib_port {
  std::string peer;  ///< its id
  int peer_port = 0;
  double gbps = 0;  ///< 0: not told
  std::size_t line = 0;
  std::string guid = {};  ///< its own, hexadecimal, of a card; empty: not told
};
/// A switch, a card or a router of the dump.
struct ib_node {
  std::string id;  ///< "S-…", "H-…", "R-…"
  std::string description;
  int port_count = 0;
  std::size_t line = 0;
  std::map<int, ib_port> ports;

  [[nodiscard]] bool is_switch() const { return id.starts_with('S'); }
};

/// Reads the parts of one line from the left.
class ib_line {
 public:
  explicit ib_line(const line_reader& lines) : lines_(lines), rest_(lines.line()) {}

  void skip_blanks() { rest_ = trimmed(rest_); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  /// Takes `open`, text and `close` off the front, if they stand there.
  std::optional<std::string_view> enclosed(char open, char close) {
    if (!rest_.starts_with(open)) return std::nullopt;
    const auto end = rest_.find(close, 1);
    if (end == std::string_view::npos) fail("a closing " + std::string(1, close));
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return inside;
  }
  int port() {
    const auto text = enclosed('[', ']');
    const auto number = text ? number_in<int>(trimmed(*text)) : std::nullopt;
    if (!number || *number < 0 || *number > 255) fail("a port number in brackets");
    return *number;
  }
  /// "[ext 5]": how the port is labelled on the case.
  void skip_label() {
    if (rest_.starts_with("[ext")) enclosed('[', ']');
  }
  int number() {
    const std::string_view text = word();
    const auto value = number_in<int>(text);
    if (!value || *value < 0 || *value > 255) fail("a number of ports of at most 255");
    return *value;
  }
  std::string id() {
    const auto text = enclosed('"', '"');
    if (!text || text->size() < 3 || text->size() > 18 || (*text)[1] != '-' ||
        std::string_view("SHR").find((*text)[0]) == std::string_view::npos ||
        text->find_first_not_of("0123456789abcdefABCDEF", 2) != std::string_view::npos)
      fail("a node like \"S-0002c9020046c588\"");
    return std::string(*text);
  }
  /// What follows the `#`: the first text in quotes.
  std::string description() {
    const auto from = rest_.find('"');
    if (!rest_.starts_with('#') || from == std::string_view::npos)
      fail("# and a description in quotes");
    rest_.remove_prefix(from);
    return std::string(trimmed(*enclosed('"', '"')));
  }
  /// The rate of a link, `4xHDR`, in Gb/s each way; 0 if the line has none.
  double rate() {
    if (const auto last = rest_.rfind('"'); last != std::string_view::npos)
      rest_.remove_prefix(last + 1);
    while (!empty()) {
      const std::string_view w = word();
      const auto x = w.find('x');
      const auto lanes = number_in<int>(w.substr(0, x));
      if (x == std::string_view::npos || !lanes) continue;
      for (const auto& [name, gbps] : lane_rates)
        if (w.substr(x + 1) == name && *lanes >= 1 && *lanes <= 12) return *lanes * gbps;
      fail("a link rate like 4xHDR", w);
    }
    return 0;
  }
  std::string_view word() {
    skip_blanks();
    const auto end = rest_.find_first_of(" \t");
    const std::string_view w = rest_.substr(0, end);
    rest_.remove_prefix(w.size());
    skip_blanks();
    return w;
  }

  [[noreturn]] void fail(const std::string& expected) const { fail(expected, rest_); }
  [[noreturn]] void fail(const std::string& expected, std::string_view got) const {
    throw input_error(lines_.where(), expected, shown(got));
  }

 private:
  /// Nominal data rates of one lane, in Gb/s. Reference: InfiniBand Trade Association, roadmap.
  static constexpr std::array<std::pair<std::string_view, double>, 9> lane_rates{{
      {"SDR", 2.5},
      {"DDR", 5},
      {"QDR", 10},
      {"FDR10", 10},
      {"FDR", 14},
      {"EDR", 25},
      {"HDR", 50},
      {"NDR", 100},
      {"XDR", 200},
  }};

  const line_reader& lines_;
  std::string_view rest_;
};

/// The nodes of a dump by id, their links as each end tells them.
inline std::map<std::string, ib_node> read_ib_nodes(line_reader& lines) {
  std::map<std::string, ib_node> nodes;
  ib_node* current = nullptr;
  while (lines.next()) {
    ib_line at{lines};
    at.skip_blanks();
    const std::string_view line = trimmed(lines.line());
    if (line.starts_with('[')) {
      if (!current) at.fail("a switch or a card before its links");
      const int port = at.port();
      at.skip_label();
      ib_port p{};
      p.guid = at.enclosed('(', ')').value_or("");
      at.skip_blanks();
      p.line = lines.number();
      p.peer = at.id();
      p.peer_port = at.port();
      p.gbps = at.rate();
      if (port < 1 || port > current->port_count)
        throw input_error(lines.where(),
                          "a port of " + shown(current->id) + " from 1 to " +
                              std::to_string(current->port_count),
                          std::to_string(port));
      const auto [known, is_new] = current->ports.try_emplace(port, std::move(p));
      if (!is_new)
        throw input_error(lines.where(), "each port of " + shown(current->id) + " once",
                          std::to_string(port) + " again, first in line " +
                              std::to_string(known->second.line));
    } else if (line.empty() || line.starts_with('#')) {
      continue;
    } else if (line.starts_with("Switch") || line.starts_with("Ca") || line.starts_with("Rt")) {
      const std::string_view kind = at.word();
      ib_node n{};
      n.line = lines.number();
      n.port_count = at.number();
      n.id = at.id();
      const char letter = kind == "Switch" ? 'S' : kind == "Ca" ? 'H' : kind == "Rt" ? 'R' : '?';
      if (n.id[0] != letter)
        throw input_error(lines.where(), "Switch \"S-…\", Ca \"H-…\" or Rt \"R-…\"", shown(line));
      at.skip_blanks();
      n.description = at.description();
      const auto [known, is_new] = nodes.try_emplace(n.id, n);
      // A card stands in the dump of each of its ports' networks.
      const bool is_same = n.id[0] == 'H' && known->second.port_count == n.port_count &&
                           known->second.description == n.description;
      if (!is_new && !is_same)
        throw input_error(lines.where(), "each node once",
                          shown(n.id) + " again, first in line " +
                              std::to_string(known->second.line));
      current = &known->second;
    } else if (const auto sign = line.find('=');
               sign != std::string_view::npos &&
               line.substr(0, sign).find_first_of(" \t\"") == std::string_view::npos) {
      current = nullptr;  // vendid= and so on: the ids of the next node
    } else if (line.starts_with("Chassis") || line.starts_with("Non-Chassis")) {
      current = nullptr;
    } else {
      throw input_error(lines.where(), "a line of ibnetdiscover's topology file", shown(line));
    }
  }
  return nodes;
}

/// That both ends of each link tell the same of it; the slower rate counts.
inline void check_ib_links(std::map<std::string, ib_node>& nodes, const line_reader& lines) {
  for (auto& [id, node] : nodes)
    for (auto& [port, p] : node.ports) {
      const auto peer = nodes.find(p.peer);
      if (peer == nodes.end())
        throw input_error(lines.where(p.line), "a link to a node of the dump", shown(p.peer));
      const auto back = peer->second.ports.find(p.peer_port);
      const auto end = [](std::string_view node_id, int number) {
        return shown(node_id) + " port " + std::to_string(number);
      };
      if (back == peer->second.ports.end())
        throw input_error(lines.where(p.line), "both ends of each link",
                          "none at " + end(p.peer, p.peer_port));
      if (back->second.peer != id || back->second.peer_port != port)
        throw input_error(lines.where(p.line), "both ends of a link to name each other",
                          end(p.peer, p.peer_port) + " linked to " +
                              end(back->second.peer, back->second.peer_port) + " in line " +
                              std::to_string(back->second.line));
      if (p.gbps > 0 && (back->second.gbps == 0 || back->second.gbps > p.gbps))
        back->second.gbps = p.gbps;
      else
        p.gbps = back->second.gbps;
    }
}

}  // namespace heddle::fabric::detail
