#include "common/names.hpp"

#include <algorithm>
#include <iostream>
#include <numeric>
#include <utility>

#include <CLI/CLI.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::examples {

namespace {

/// Letters to put in, leave out, exchange or swap with their neighbour until `a` is `b`.
std::size_t mistakes(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

std::string listed(const name_lines& names) {
  std::string out;
  for (const name_line& n : names) out += (out.empty() ? "" : ", ") + std::string(n.name);
  return out;
}

std::string either(const name_lines& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + std::string(names[i].name);
  return out;
}

std::string either(const std::vector<name_kind>& kinds, std::string_view option) {
  return either(std::find_if(kinds.begin(), kinds.end(), [&](const name_kind& k) {
                  return k.option == option;
                })->names);
}

std::string_view nearest(const name_lines& names, std::string_view given) {
  std::string_view best;
  std::size_t fewest = std::max(given.size(), std::size_t{3}) / 3 + 1;
  for (const name_line& n : names) {
    const bool part = given.size() >= 3 && n.name.find(given) != std::string_view::npos;
    const std::size_t m = part ? 1 : mistakes(given, n.name);
    if (m < fewest) fewest = m, best = n.name;
  }
  return best;
}

void refuse_name(const std::string& where, const name_lines& names, std::string_view given) {
  const std::string_view near = nearest(names, given);
  throw input_error(where, "one of " + listed(names),
                    shown(given) + (near.empty() ? "" : ", which is near " + std::string(near)));
}

void add_names(CLI::App& app, std::vector<name_kind> kinds) {
  app.add_flag_callback(
      "--names",
      [kinds = std::move(kinds)] {
        for (const name_kind& k : kinds) {
          std::size_t width = 0;
          for (const name_line& n : k.names) width = std::max(width, n.name.size());
          std::cout << (&k == &kinds.front() ? "" : "\n") << k.option << ": " << k.what << '\n';
          for (const name_line& n : k.names)
            std::cout << "  " << n.name << std::string(width - n.name.size() + 2, ' ') << n.what
                      << '\n';
        }
        throw CLI::Success();
      },
      "say what each name is that options take, and end");
}

}  // namespace heddle::examples
