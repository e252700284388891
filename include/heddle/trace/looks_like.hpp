// What a text looks like that is not what was asked for: for errors that name it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/text.hpp>

namespace heddle::trace {

/// A kind of text.
struct text_kind {
  std::string_view name;    ///< "YAML"; empty: none that is known, or a table set apart by commas
  std::string_view advice;  ///< what can be done with it; may be empty
  bool is_table = false;    ///< of fields in lines below a header
};

namespace detail {

/// The pieces of a line between separators, without the blanks around them.
[[nodiscard]] inline std::vector<std::string_view> pieces(std::string_view line, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto at = line.find(separator);
    out.push_back(trimmed(line.substr(0, at)));
    if (at == std::string_view::npos) return out;
    line.remove_prefix(at + 1);
  }
}
/// The words of a line, apart by any number of blanks and tabs.
[[nodiscard]] inline std::vector<std::string_view> words(std::string_view line) {
  constexpr std::string_view blanks = " \t\r";
  std::vector<std::string_view> out;
  for (auto at = line.find_first_not_of(blanks); at < line.size();
       at = line.find_first_not_of(blanks, at)) {
    const auto end = std::min(line.find_first_of(blanks, at), line.size());
    out.push_back(line.substr(at, end - at));
    at = end;
  }
  return out;
}

[[nodiscard]] inline bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
[[nodiscard]] inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether it may be the name of a column or a key: letters, digits and a few signs.
[[nodiscard]] inline bool is_name(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '/';
         });
}

/// Whether a word stands in a text, whatever its capitals.
[[nodiscard]] inline bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t i = 0; i + word.size() <= text.size(); ++i)
    if (same_word(text.substr(i, word.size()), word)) return true;
  return false;
}

/// Whether a line is the header of a table of Slurm's accounting, whatever sets its fields apart.
[[nodiscard]] inline bool is_sacct_header(std::string_view line) {
  std::string text(line);
  for (char& c : text)
    if (!is_letter(c) && !is_digit(c)) c = ' ';
  bool id = false;
  int others = 0;
  for (const std::string_view w : words(text)) {
    id = id || same_word(w, "JobID") || same_word(w, "JobIDRaw");
    for (std::string_view known : {"Submit", "Start", "End", "Elapsed", "ElapsedRaw", "AllocTRES",
                                   "ReqTRES", "AllocGRES", "ReqGRES", "AllocCPUS", "ExitCode"})
      others += same_word(w, known);
  }
  return id && others > 0;
}

/// Whether a line is one of the Standard Workload Format: 18 numbers.
[[nodiscard]] inline bool is_swf_line(std::string_view line) {
  const auto all = words(line);
  return all.size() == 18 && std::all_of(all.begin(), all.end(),
                                         [](std::string_view w) { return number_in<double>(w); });
}

/// Whether a line begins with a point in time, perhaps in brackets.
[[nodiscard]] inline bool begins_with_time(std::string_view line) {
  if (line.starts_with('[')) line.remove_prefix(1);
  const auto shape = [&](std::string_view mask) {  // 9: a digit
    if (line.size() < mask.size()) return false;
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (mask[i] == '9' ? !is_digit(line[i]) : line[i] != mask[i]) return false;
    return true;
  };
  if (shape("9999-99-99") || shape("9999/99/99") || shape("99:99:99")) return true;
  for (std::string_view month : {"Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ",
                                 "Sep ", "Oct ", "Nov ", "Dec "})
    if (line.starts_with(month)) return true;
  return false;
}

[[nodiscard]] inline text_kind json_kind(std::string_view head) {
  if (head.find("\"fabric\"") != std::string_view::npos)
    return {"a cluster file", "give it as --cluster"};
  if (head.find("\"attempts\"") != std::string_view::npos ||
      head.find("\"jobid\"") != std::string_view::npos)
    return {"the JSON log of Philly", "heddle-convert jobs --from philly reads it"};
  if (head.find("\"meta\"") != std::string_view::npos &&
      head.find("slurm", 0) != std::string_view::npos)
    return {"JSON of Slurm",
            "sacct -P gives a table, which heddle-convert jobs --from sacct reads"};
  return {"JSON", ""};
}

/// Bytes that are no text; nothing for others.
[[nodiscard]] inline std::string_view binary_kind(std::string_view head) {
  using namespace std::string_view_literals;
  struct mark {
    std::string_view bytes, name;
  };
  static constexpr mark marks[] = {{"\x1f\x8b"sv, "gzip data"},
                                   {"\x28\xb5\x2f\xfd"sv, "zstd data"},
                                   {"BZh"sv, "bzip2 data"},
                                   {"\xfd"
                                    "7zXZ"sv,
                                    "xz data"},
                                   {"PK\x03\x04"sv, "a zip archive or a spreadsheet"},
                                   {"PAR1"sv, "a Parquet file"},
                                   {"%PDF"sv, "a PDF file"},
                                   {"\xff\xfe"sv, "UTF-16 text"},
                                   {"\xfe\xff"sv, "UTF-16 text"},
                                   {"SQLite format 3"sv, "a database"}};
  for (const mark& m : marks)
    if (head.starts_with(m.bytes)) return m.name;
  return {};
}

}  // namespace detail

/// Names the kind of a text by its first lines. \param head  its beginning, a few lines are enough
/// Complexity: O(|head|).
[[nodiscard]] inline text_kind looks_like(std::string_view head) {
  using detail::has_word;
  if (const auto binary = detail::binary_kind(head); !binary.empty()) return {binary, ""};
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);

  // Marks that may stand anywhere.
  if (head.find("switchguid=") != std::string_view::npos ||
      head.find("# Topology file: generated on") != std::string_view::npos ||
      head.find("caguid=") != std::string_view::npos)
    return {"ibnetdiscover output", "give it as --cluster"};
  if (has_word(head, "SwitchName=") || has_word(head, "BlockName="))
    return {"Slurm's topology.conf", "give it as --cluster"};
  if (has_word(head, "JobId=") && has_word(head, "JobState="))
    return {"the output of scontrol show job", "sacct -P tells of jobs that ran"};
  if (has_word(head, "NodeName=")) return {"Slurm's description of nodes", ""};

  // The first line that says something, and what follows a heading.
  std::string_view line;
  bool semicolon_first = false;
  for (std::string_view rest = head; !rest.empty();) {
    const auto end = rest.find('\n');
    line = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    semicolon_first = semicolon_first || line.starts_with(';');
    if (!line.empty() && !line.starts_with(';') && (!line.starts_with('#') || rest.empty())) break;
  }
  if (detail::is_swf_line(line) || (semicolon_first && (line.empty() || line.starts_with(';'))))
    return {"the Standard Workload Format", "heddle-convert jobs --from swf reads it"};
  if (line.empty()) return {};
  if (detail::is_sacct_header(line))
    return {"Slurm's accounting", "heddle-convert jobs --from sacct reads it", true};
  if (line.starts_with('<')) return {"HTML or XML", ""};
  if (detail::begins_with_time(line)) return {"a log", ""};
  if (line.starts_with('{')) return detail::json_kind(head);
  if (line.starts_with('[')) {
    const auto next = head.find_first_not_of(" \t\r\n", head.find('[') + 1);
    if (next == std::string_view::npos || !detail::is_letter(head[next]))
      return detail::json_kind(head);
    return {"a file of settings", ""};
  }
  if (const auto first = detail::words(line);
      first.size() > 2 &&
      (first[0] == "JOBID" || first[0] == "PARTITION" || first[0] == "NODELIST"))
    return {first[0] == "JOBID" ? "the output of squeue" : "the output of sinfo",
            "sacct -P tells of jobs that ran"};

  const auto count = [&](char c) { return std::count(line.begin(), line.end(), c); };
  const std::string_view before = trimmed(line.substr(0, line.find(':')));
  const auto after = line.substr(std::min(line.size(), line.find(':') + 1));
  if (line == "---" || line.starts_with("- ") ||
      (line.find(':') != std::string_view::npos && detail::is_name(before) &&
       (after.empty() || after.front() == ' '))) {
    const bool network =
        has_word(head, "topology:") && (has_word(head, "tree:") || has_word(head, "block:"));
    return network ? text_kind{"Slurm's topology.yaml", "give it as --cluster"}
                   : text_kind{"YAML", ""};
  }
  if (count(';') > count(','))
    return {"fields set apart by \";\"", "they are to be set apart by commas", true};
  if (count('\t') > count(','))
    return {"fields set apart by tabs", "they are to be set apart by commas", true};
  if (count('|') > count(','))
    return {"fields set apart by \"|\"", "they are to be set apart by commas", true};
  if (count(',') > 0) {
    const auto columns = detail::pieces(line, ',');
    const auto has = [&](std::string_view name) {
      return std::find(columns.begin(), columns.end(), name) != columns.end();
    };
    if (has("gpu_num") && has("submit_time"))
      return has("vc")
                 ? text_kind{"the table of Helios", "heddle-convert jobs --from helios reads it",
                             true}
                 : text_kind{"the table of Acme", "heddle-convert jobs --from acme reads it", true};
    if (has("num_gpu") && has("creation_time"))
      return {"Alibaba's table of pods", "heddle-convert jobs --from alibaba reads it", true};
    if (has("num_gpu") && has("submission_time"))
      return {"a table of Microsoft ITP", "heddle-convert jobs --from itp reads it", true};
    return {};
  }
  return detail::words(line).size() > 1 ? text_kind{"text without a table", ""} : text_kind{};
}

}  // namespace heddle::trace
