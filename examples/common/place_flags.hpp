// What some placement policies are told besides their name, on the command line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

#include "common/named_places.hpp"
#include "common/program.hpp"

namespace heddle::examples {

/// As given, before they are looked at.
struct place_flags {
  std::vector<std::string> quotas, pieces;
  std::string guarantee = "any";
  place_options options;
};

/// Adds --guarantee, --quota, --promised, --piece, --tensor, --pipeline, --closed and --twisted.
inline void add_place_flags(CLI::App& app, place_flags& f) {
  app.add_option("--guarantee", f.guarantee,
                 "for vclos, relaxed and patched, what a job's own links are enough for: " +
                     either(lines_of(guarantees)))
      ->capture_default_str();
  app.add_option("--quota", f.quotas, "for hived, TENANT:CELLS:GPUS_PER_CELL; several times");
  app.add_option("--promised", f.options.promised,
                 "for segments, servers of an NVLink domain that may be in use at a time")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--piece", f.pieces,
                 "for segments, FROM:SERVERS: from so many servers on a job has pieces of so many; "
                 "several times");
  app.add_option("--tensor", f.options.tensor,
                 "for groups, ranks of a tensor parallel group; a server's GPUs by default")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--pipeline", f.options.pipeline, "for groups, stages of a job")
      ->check(CLI::Range(1, 1 << 20));
  app.add_flag("--closed", f.options.closed, "for meshes, rows longer than 2 are rings");
  app.add_flag("--twisted", f.options.twisted,
               "for meshes of whole cubes, k x k x 2k and k x 2k x 2k are twisted tori");
}

namespace detail {
/// "NAME:A:B", or "A:B" if `named` is false.
struct flag_numbers {
  std::string name;
  int first = 0, last = 0;
};
inline flag_numbers parse_numbers(const std::string& option, const std::string& form,
                                  const std::string& text, bool named) {
  const auto fail = [&] { throw input_error(option, form, "\"" + text + "\""); };
  const auto number = [&](const std::string& digits) {
    const bool is_number = !digits.empty() && digits.size() < 9 &&
                           digits.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number) fail();
    return std::stoi(digits);
  };
  const std::size_t last = text.rfind(':');
  if (last == std::string::npos || (named && last == 0)) fail();
  const std::size_t first = named ? text.rfind(':', last - 1) : std::string::npos;
  if (named && first == std::string::npos) fail();
  const std::size_t from = named ? first + 1 : 0;
  return {named ? text.substr(0, first) : "", number(text.substr(from, last - from)),
          number(text.substr(last + 1))};
}
}  // namespace detail

/// The options of the policy of that name.
/// \param option  that named it
/// \throws input_error  for a flag of another policy, or one that cannot be read
[[nodiscard]] inline place_options options_of(const place_flags& f, std::string_view policy,
                                              const std::string& option) {
  const auto only_for = [&](std::string_view of, const char* flag, bool given) {
    if (given && policy != of)
      throw input_error(flag, std::string(of) + " as " + option, "\"" + std::string(policy) + "\"");
  };
  only_for("hived", "--quota", !f.quotas.empty());
  only_for("segments", "--promised", f.options.promised > 0);
  only_for("segments", "--piece", !f.pieces.empty());
  only_for("groups", "--tensor", f.options.tensor > 0);
  only_for("groups", "--pipeline", f.options.pipeline > 0);
  const named_place& row = find_place(policy, option);
  const auto refuse = [&](const char* flag, const std::string& expected) {
    throw input_error(flag, expected + " as " + option, "\"" + std::string(policy) + "\"");
  };
  if (f.options.closed && !row.of_meshes()) refuse("--closed", "a policy of meshes");
  if (f.options.twisted && !row.for_cubes) refuse("--twisted", "a policy on cubes");
  place_options out = f.options;
  out.guarantee = find_named(guarantees, "--guarantee", f.guarantee).value;
  if (policy != "relaxed" && policy != "patched" && policy != "ocs_vclos")
    only_for("vclos", "--guarantee declared", out.guarantee != place::isolated_for::any);
  for (const std::string& q : f.quotas) {
    detail::flag_numbers n =
        detail::parse_numbers("--quota", "TENANT:CELLS:GPUS_PER_CELL", q, true);
    out.quotas.push_back({std::move(n.name), n.first, n.last});
  }
  for (const std::string& p : f.pieces) {
    const detail::flag_numbers n = detail::parse_numbers("--piece", "FROM:SERVERS", p, false);
    if (n.first < 1 || n.last < 1)
      throw input_error("--piece", "FROM:SERVERS, both at least 1", "\"" + p + "\"");
    out.pieces.push_back({n.first, n.last});
  }
  return out;
}

}  // namespace heddle::examples
