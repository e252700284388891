#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/run.hpp"

namespace {

namespace fs = std::filesystem;

/// A page without its code, where brackets mean something else; lines stay lines.
std::string without_code(const std::string& text) {
  std::string out;
  bool fenced = false, spaced = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const bool fence = line.find("```") == line.find_first_not_of(' ') && !line.empty();
    if (fence) fenced = !fenced;
    const bool indented = spaced && line.starts_with("    ");
    spaced = line.empty() || indented;
    if (!fence && !fenced && !indented) {
      bool code = false;
      for (char c : line) {
        if (c == '`')
          code = !code;
        else if (!code)
          out += c;
      }
    }
    out += '\n';
  }
  return out;
}

/// The anchor of a heading, as the usual viewers make it.
std::string anchor_of(std::string_view heading) {
  std::string out;
  for (char c : heading) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) || c == '_' || c == '-' || u >= 0x80)
      out += static_cast<char>(std::tolower(u));
    else if (c == ' ')
      out += '-';
  }
  return out;
}

std::set<std::string> anchors_of(const std::string& text) {
  std::set<std::string> out;
  std::map<std::string, int> seen;
  bool fenced = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced || !line.starts_with('#')) continue;
    const std::size_t from = line.find_first_not_of('#');
    if (from == line.npos || line[from] != ' ') continue;
    std::string heading(line.substr(from + 1));
    std::erase(heading, '`');
    const std::string anchor = anchor_of(heading);
    const int n = seen[anchor]++;
    out.insert(n == 0 ? anchor : anchor + "-" + std::to_string(n));
  }
  return out;
}

/// The targets of links and pictures: [..](target), and [..]: target.
std::vector<std::string> links_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find("](", at)) != text.npos;) {
    at += 2;
    std::size_t end = at;
    for (int depth = 0; end < text.size() && (text[end] != ')' || depth > 0); ++end)
      depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
    std::string target = text.substr(at, end - at);
    out.push_back(target.substr(0, target.find_first_of(" \n")));  // a title may follow
  }
  for (std::size_t at = 0; (at = text.find("]: ", at)) != text.npos; at += 3)
    out.push_back(text.substr(at + 3, text.find_first_of(" \n", at + 3) - at - 3));
  return out;
}

std::vector<fs::path> pages() {
  const fs::path root = HEDDLE_SOURCE_DIR;
  std::vector<fs::path> out;
  for (const auto& e : fs::directory_iterator(root))
    if (e.path().extension() == ".md") out.push_back(e.path());
  for (const char* part : {"docs", "packaging"})
    for (const auto& e : fs::recursive_directory_iterator(root / part))
      if (e.path().extension() == ".md") out.push_back(e.path());
  std::sort(out.begin(), out.end());
  return out;
}

/// What is wrong with a link of a page; empty: nothing.
std::string fault_of(const fs::path& page, const std::string& link, const fs::path& top) {
  if (link.find("://") != link.npos || link.starts_with("mailto:")) return {};  // not looked up
  const std::size_t hash = link.find('#');
  const std::string file = link.substr(0, hash);
  if (file.starts_with('/')) return "leads out of the project";
  const fs::path target = file.empty() ? page : page.parent_path() / file;
  if (!fs::exists(target)) return "no such file";
  if (target.lexically_normal().lexically_relative(top).string().starts_with(".."))
    return "leads out of the project";
  if (hash == link.npos || target.extension() != ".md") return {};
  return anchors_of(heddle::test::content_of(target.string())).contains(link.substr(hash + 1))
             ? ""
             : "no such heading";
}

}  // namespace

TEST_CASE("links and headings of a page are found and code is passed over") {
  const std::string page = "# A `vclos` page, twice\n# A vclos page, twice\n[x](a.md#b \"title\") "
                           "`[no](c.md)`\n\n    [no](d.md)\n\n"
                           "```\n# no\n[no](e.md)\n```\n![p](f_(1).svg)\n[r]: g.md\n";
  CHECK(links_of(without_code(page)) == std::vector<std::string>{"a.md#b", "f_(1).svg", "g.md"});
  CHECK(anchors_of(page) == std::set<std::string>{"a-vclos-page-twice", "a-vclos-page-twice-1"});
  const heddle::test::scratch_dir dir;
  const fs::path p = dir.write("p.md", page);
  CHECK(fault_of(p, "p.md#a-vclos-page-twice", dir.path()) == "");
  CHECK(fault_of(p, "#a-vclos-page", dir.path()) == "no such heading");
  CHECK(fault_of(p, "q.md", dir.path()) == "no such file");
  CHECK(fault_of(p, "..", dir.path()) == "leads out of the project");
  CHECK(fault_of(p, "https://example.org", dir.path()) == "");
}

TEST_CASE("no page has a dead link") {
  std::size_t links = 0;
  for (const fs::path& page : pages())
    for (const std::string& link :
         links_of(without_code(heddle::test::content_of(page.string())))) {
      ++links;
      const std::string fault = fault_of(page, link, HEDDLE_SOURCE_DIR);
      CHECK_MESSAGE(fault.empty(), page.lexically_relative(HEDDLE_SOURCE_DIR).string()
                                       << ": " << link << ": " << fault);
    }
  CHECK(links > 20);
}

TEST_CASE("every page of docs can be reached from the index") {
  const fs::path docs = fs::path(HEDDLE_SOURCE_DIR) / "docs";
  std::set<fs::path> seen{docs / "index.md"};
  std::vector<fs::path> open{docs / "index.md"};
  while (!open.empty()) {
    const fs::path page = open.back();
    open.pop_back();
    for (const std::string& link :
         links_of(without_code(heddle::test::content_of(page.string())))) {
      const fs::path to = (page.parent_path() / link.substr(0, link.find('#'))).lexically_normal();
      if (to.extension() == ".md" && fs::exists(to) && seen.insert(to).second) open.push_back(to);
    }
  }
  for (const fs::path& page : pages())
    if (page.string().starts_with(docs.string()))
      CHECK_MESSAGE(seen.contains(page), page.lexically_relative(docs).string()
                                             << " is linked from nowhere");
}
