// Networks from tables of hosts: a row a host, with the switch above it in each tier.
#pragma once

#include <algorithm>
#include <cstddef>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/switch_tree.hpp>
#include <heddle/fabric/tree_layout.hpp>

namespace heddle::fabric {

/// Whether a line heads such a table: columns by commas, one of them `host`, at least one other.
[[nodiscard]] inline bool heads_hosts_csv(std::string_view line) {
  std::size_t columns = 0;
  bool has_host = false;
  while (true) {
    const auto end = line.find(',');
    const std::string_view name = trimmed(line.substr(0, end));
    has_host |= same_word(name, "host");
    ++columns;
    for (std::string_view of_jobs : {"job_id", "submit_s"})
      if (same_word(name, of_jobs)) return false;
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  return has_host && columns > 1;
}

namespace detail {

/// A table of hosts as it is read.
class hosts_table {
 public:
  hosts_table(std::istream& in, std::string name) : in_(in, std::move(name)) {
    while (in_.next() && is_passed_over()) {
    }
    if (!heads_hosts_csv(in_.line()))
      throw input_error(in_.where(), "columns host and of the switches above it, by commas",
                        shown(in_.line()));
    for (std::string_view name_of : cells(in_.line())) {
      if (name_of.empty()) throw input_error(in_.where(), "a name for each column", "none");
      for (const std::string& other : columns_)
        if (same_word(other, name_of))
          throw input_error(in_.where(), "each column once", shown(name_of) + " twice");
      if (same_word(name_of, "host")) host_ = columns_.size();
      columns_.emplace_back(name_of);
    }
    while (in_.next())
      if (!is_passed_over()) add_row();
    if (rows_.empty()) throw input_error(in_.name(), "a host", "none");
  }

  /// A switch is told by its name and those above it. The tier with fewest names is the highest.
  [[nodiscard]] switch_tree tree() const {
    const std::vector<std::size_t> tiers = tiers_from_the_top();
    std::map<std::vector<std::string_view>, std::size_t> known;  // by the path from the top
    std::map<std::string_view, std::set<std::vector<std::string_view>>> called;
    for (const row& r : rows_) {
      std::vector<std::string_view> path;
      for (std::size_t t : tiers) {
        path.push_back(r.cells[t]);
        called[r.cells[t]].insert(path);
      }
    }
    switch_tree out;
    for (const row& r : rows_) {
      std::vector<std::string_view> path;
      std::size_t above = 0;
      for (std::size_t t : tiers) {
        path.push_back(r.cells[t]);
        const auto [at, is_new] = known.emplace(path, out.switches.size());
        if (is_new) {
          std::string name(path.back());
          if (called[path.back()].size() > 1) {  // the same name elsewhere: the whole path
            name.clear();
            for (std::string_view part : path)
              name += (name.empty() ? "" : "/") + std::string(part);
          }
          if (path.size() > 1) out.switches[above].switches.push_back(name);
          out.switches.push_back({.name = std::move(name), .line = r.line});
        }
        above = at->second;
      }
      out.switches[above].nodes.push_back({.name = std::string(r.cells[host_])});
    }
    return out;
  }

 private:
  struct row {
    std::vector<std::string> cells;
    std::size_t line;
  };

  [[nodiscard]] bool is_passed_over() const {
    const std::string_view line = trimmed(in_.line());
    return line.empty() || line.starts_with('#');
  }
  static std::vector<std::string_view> cells(std::string_view line) {
    std::vector<std::string_view> out;
    while (true) {
      const auto end = line.find(',');
      out.push_back(trimmed(line.substr(0, end)));
      if (end == std::string_view::npos) return out;
      line.remove_prefix(end + 1);
    }
  }
  void add_row() {
    const std::vector<std::string_view> here = cells(in_.line());
    if (here.size() != columns_.size())
      throw input_error(in_.where(), std::to_string(columns_.size()) + " columns",
                        std::to_string(here.size()));
    row r{{here.begin(), here.end()}, in_.number()};
    for (std::size_t c = 0; c < here.size(); ++c)
      if (here[c].empty()) throw input_error(in_.where(), "a name as " + columns_[c], "nothing");
    if (const auto [at, is_new] = first_.emplace(r.cells[host_], in_.number()); !is_new)
      throw input_error(in_.where(), "each host once",
                        shown(r.cells[host_]) + ", which line " + std::to_string(at->second) +
                            " names");
    rows_.push_back(std::move(r));
  }
  [[nodiscard]] std::vector<std::size_t> tiers_from_the_top() const {
    std::vector<std::pair<std::size_t, std::size_t>> order;  // names, column
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c == host_) continue;
      std::set<std::string_view> names;
      for (const row& r : rows_) names.insert(r.cells[c]);
      order.emplace_back(names.size(), c);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::size_t> out;
    for (const auto& [names, c] : order) out.push_back(c);
    return out;
  }

  line_reader in_;
  std::vector<std::string> columns_;
  std::size_t host_ = 0;
  std::vector<row> rows_;
  std::map<std::string, std::size_t> first_;  // line of each host
};

}  // namespace detail

/// Reads a table of hosts, as published of real clusters:
///
///     host,dsw,psw,asw
///     0,G6,P10,S14
///
/// One column is `host`; each other one names the switch of a tier, the tier with fewest names being the
/// highest. Names are those of a tier below one switch: S14 of P10 is another than S14 of P12, and then is
/// called by its path, G6/P10/S14. Columns are by commas, without quotes; lines that begin with # are passed over.
/// \throws input_error  `name:line: expected …, got …`
/// Complexity: O(cells log cells).
[[nodiscard]] inline switch_tree read_hosts_csv_tree(std::istream& in, const std::string& name) {
  return detail::hosts_table{in, name}.tree();
}

/// The same as a layout; the table tells neither GPUs nor links.
template <class Gpus>
[[nodiscard]] layout read_hosts_csv(std::istream& in, const std::string& name, const Gpus& gpus,
                                    const topology_conf_options& o = {}) {
  return layout_of(read_hosts_csv_tree(in, name), name, gpus, o);
}

}  // namespace heddle::fabric
