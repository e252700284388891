// Web pages in one file: no script, no network, light and dark, on paper and on a phone.
//
//   markup    writes HTML or SVG whose tags always balance and whose text is always escaped
//   page      a document of sections with a list of them at its top
//   to_html   a table
//   paragraph, items, definitions, figure, side_by_side, wide, code    what sections are made of
#pragma once

#include <cassert>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/table.hpp"

namespace heddle::examples::html {

/// `text` with the characters that mean something to HTML and XML replaced, and control characters
/// left out.
[[nodiscard]] inline std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

/// `text` with unbreakable spaces between a number and its unit.
[[nodiscard]] inline std::string keep_units(std::string text) {
  for (std::string_view unit : {"%", "s", "h", "kW", "MWh", "Gb/s"})
    for (std::size_t at = 0;
         (at = text.find(std::string(" ").append(unit), at)) != std::string::npos;) {
      const std::size_t end = at + 1 + unit.size();
      const bool follows_digit = at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9';
      const bool ends = end == text.size() ||
                        std::string_view(" .,;:()").find(text[end]) != std::string_view::npos;
      if (follows_digit && ends) text.replace(at, 1, "\u00a0");
      at = end;
    }
  return text;
}

/// Writes elements one after the other. What it writes is well-formed XML too, so that any parser
/// can check it.
class markup {
 public:
  using attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Opens an element; `close` ends it.
  markup& open(std::string_view tag, attributes with = {}) {
    start(tag, with);
    out_ += '>';
    open_.emplace_back(tag);
    return *this;
  }
  markup& close() {
    assert(!open_.empty());
    out_ += "</" + open_.back() + '>';
    open_.pop_back();
    return *this;
  }
  /// An element that holds text alone.
  markup& leaf(std::string_view tag, std::string_view text, attributes with = {}) {
    return open(tag, with).text(text).close();
  }
  /// An element that holds nothing and needs no end.
  markup& empty(std::string_view tag, attributes with = {}) {
    start(tag, with);
    out_ += "/>";
    return *this;
  }
  markup& text(std::string_view t) {
    out_ += escape(t);
    return *this;
  }
  /// Takes over what another `markup` made.
  markup& raw(std::string_view made) {
    out_ += made;
    return *this;
  }
  markup& newline() {
    out_ += '\n';
    return *this;
  }

  /// All that was written. Precondition: every element is closed.
  [[nodiscard]] const std::string& str() const {
    assert(open_.empty());
    return out_;
  }

 private:
  void start(std::string_view tag, attributes with) {
    out_ += '<';
    out_ += tag;
    for (const auto& [key, value] : with) {
      out_ += ' ';
      out_ += key;
      out_ += "=\"" + escape(value) + '"';
    }
  }

  std::string out_;
  std::vector<std::string> open_;
};

/// The look of a page. Paper always gets the light colours. All texts have a contrast of at least
/// 4.5 to 1 on their ground.
inline constexpr std::string_view page_style = R"(
:root{color-scheme:light dark;--ground:#fff;--ink:#1a1c1f;--soft:#565b63;--line:#c9ced6;--band:#f4f6f8;--link:#0b5cad}
@media screen and (prefers-color-scheme:dark){:root{--ground:#14171b;--ink:#e8eaed;--soft:#a9b0ba;--line:#434a54;--band:#1d2127;--link:#7db7f5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:72rem;padding:1.25rem 1rem 3rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0 .6rem}
h2{font-size:1.25rem;line-height:1.3;margin:2.2rem 0 .5rem;padding-top:.8rem;border-top:1px solid var(--line)}
h3{font-size:1.02rem;margin:0 0 .3rem}
p{max-width:46rem;margin:.5rem 0}
.found{border-left:4px solid var(--link);padding-left:.8rem}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.3rem .6rem;z-index:1}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.8rem 0 0;padding:0}
nav a{display:inline-block;padding:.35rem 0}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.92rem;padding:0 0 .5rem}
caption span{display:block;position:sticky;left:0;max-width:min(46rem,calc(100vw - 2rem))}
th,td{padding:.32rem .75rem;text-align:right;white-space:nowrap}
th.text,td.text,tbody th{text-align:left;font-weight:400}
thead th,thead th.text{font-weight:600;vertical-align:bottom;border-bottom:2px solid var(--ink)}
thead small{display:block;font-weight:400;font-size:.85em;color:var(--soft)}
tbody th{position:sticky;left:0;background:var(--ground)}
tbody tr:nth-child(even),tbody tr:nth-child(even) th{background:var(--band)}
tbody+tbody{border-top:1px solid var(--ink)}
tbody:last-child{border-bottom:1px solid var(--ink)}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1.6rem 2rem;margin:1rem 0}
figure{margin:0;min-width:0}
figcaption{color:var(--soft);font-size:.92rem;margin-top:.3rem}
figure svg{display:block;width:100%;height:auto}
.wide svg{min-width:46rem}
dl{max-width:46rem}
dt{font-weight:600;margin-top:.5rem}
dd{margin:0 0 0 1rem}
code{font-family:ui-monospace,"DejaVu Sans Mono",Consolas,monospace;font-size:.9em}
code span{display:inline-block;max-width:100%;overflow-wrap:anywhere}
details{margin:.6rem 0}
summary{cursor:pointer;padding:.35rem 0;color:var(--link)}
footer{margin-top:2.5rem;padding-top:.8rem;border-top:1px solid var(--line);color:var(--soft);font-size:.92rem}
@media print{
@page{margin:14mm}
body{max-width:none;padding:0;font-size:10pt}
nav,.skip{display:none}
h2,h3,figure,tr,caption{break-inside:avoid}
h2,h3{break-after:avoid}
thead{display:table-header-group}
.scroll{overflow:visible}
tbody th{position:static}
dt,p:has(+figure){break-after:avoid}
p{break-inside:avoid}
dd,tbody{break-inside:avoid}
table,caption,figcaption,footer{font-size:8.5pt}
caption span{max-width:none}
th,td{padding:.18rem .5rem}
.wide svg{min-width:0}
.plots{grid-template-columns:1fr 1fr;gap:6mm}
a{color:inherit;text-decoration:none}
})";

/// A document of sections.
class page {
 public:
  /// \param style  more rules, behind those of every page
  page(std::string title, std::string style) : title_(std::move(title)), style_(std::move(style)) {}

  /// What stands between the title and the first section, made by `markup`.
  void lead(std::string made) { lead_ = std::move(made); }
  /// \param id  of the anchor: a word in lower case
  void section(std::string id, std::string heading, std::string made) {
    sections_.push_back({std::move(id), std::move(heading), std::move(made)});
  }
  void footer(std::string made) { footer_ = std::move(made); }

  [[nodiscard]] std::string str() const {
    markup m;
    m.open("html", {{"lang", "en"}}).newline();
    m.open("head").newline();
    m.empty("meta", {{"charset", "utf-8"}}).newline();
    m.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    m.newline().leaf("title", title_).newline();
    m.open("style").raw(page_style).raw(style_).close().newline().close().newline();
    m.open("body").newline();
    m.leaf("a", "Skip to the content", {{"class", "skip"}, {"href", "#content"}}).newline();
    m.open("header").leaf("h1", title_).raw(lead_);
    m.open("nav", {{"aria-label", "Sections"}}).open("ul");
    for (const part& p : sections_)
      m.open("li").leaf("a", p.heading, {{"href", "#" + p.id}}).close();
    m.close().close().close().newline();
    m.open("main", {{"id", "content"}}).newline();
    for (const part& p : sections_) {
      m.open("section", {{"id", p.id}, {"aria-labelledby", p.id + "-heading"}}).newline();
      m.leaf("h2", p.heading, {{"id", p.id + "-heading"}}).newline();
      m.raw(p.made).close().newline();
    }
    m.close().newline();
    m.open("footer").raw(footer_).close().newline().close().newline().close();
    return "<!DOCTYPE html>\n" + m.str() + "\n";
  }

 private:
  struct part {
    std::string id, heading, made;
  };
  std::string title_, style_, lead_, footer_;
  std::vector<part> sections_;
};

/// A table in a box that scrolls by itself where the screen is narrow.
/// \param id  unique on the page
[[nodiscard]] inline std::string to_html(const table& t, const std::string& id) {
  const auto kind = [&](std::size_t c) { return t.columns[c].is_text ? "text" : "number"; };
  markup m;
  m.open("div", {{"class", "scroll"},
                 {"role", "region"},
                 {"tabindex", "0"},
                 {"aria-labelledby", id + "-caption"}});
  m.open("table")
      .open("caption", {{"id", id + "-caption"}})
      .leaf("span", t.caption)
      .close()
      .newline();
  m.open("thead").open("tr");
  for (std::size_t c = 0; c < t.columns.size(); ++c) {
    m.open("th", {{"scope", "col"}, {"class", kind(c)}}).text(t.columns[c].title);
    if (!t.columns[c].unit.empty()) m.leaf("small", t.columns[c].unit);
    m.close();
  }
  m.close().close().newline();
  for (const auto& group : t.groups) {
    m.open("tbody").newline();
    for (const auto& row : group) {
      m.open("tr").leaf("th", row[0], {{"scope", "row"}});
      for (std::size_t c = 1; c < row.size(); ++c) m.leaf("td", row[c], {{"class", kind(c)}});
      m.close().newline();
    }
    m.close();
  }
  m.close().close().newline();
  return m.str();
}

/// \param kind  "found" for what is to be seen first
[[nodiscard]] inline std::string paragraph(const std::string& text, std::string_view kind = "") {
  markup m;
  if (kind.empty())
    m.leaf("p", keep_units(text));
  else
    m.leaf("p", keep_units(text), {{"class", kind}});
  return m.newline().str();
}

[[nodiscard]] inline std::string items(const std::vector<std::string>& all) {
  markup m;
  m.open("ul").newline();
  for (const std::string& i : all) m.leaf("li", keep_units(i)).newline();
  return m.close().newline().str();
}

/// Terms and what they mean.
[[nodiscard]] inline std::string
definitions(const std::vector<std::pair<std::string, std::string>>& all) {
  markup m;
  m.open("dl").newline();
  for (const auto& [term, meaning] : all)
    m.leaf("dt", term).leaf("dd", keep_units(meaning)).newline();
  return m.close().newline().str();
}

/// \param drawn  an SVG
[[nodiscard]] inline std::string figure(const std::string& drawn, const std::string& caption) {
  markup m;
  m.open("figure").newline().raw(drawn).leaf("figcaption", caption).close().newline();
  return m.str();
}

/// Figures beside one another where there is room.
[[nodiscard]] inline std::string side_by_side(const std::vector<std::string>& figures) {
  markup m;
  m.open("div", {{"class", "plots"}}).newline();
  for (const std::string& f : figures) m.raw(f);
  return m.close().newline().str();
}

/// A drawing that is too fine for a phone: it scrolls in its box.
[[nodiscard]] inline std::string wide(const std::string& drawn, const std::string& what,
                                      const std::string& caption) {
  markup m;
  m.open("figure").newline();
  m.open("div",
         {{"class", "scroll wide"}, {"role", "region"}, {"tabindex", "0"}, {"aria-label", what}});
  m.newline().raw(drawn).close().newline().leaf("figcaption", caption).close().newline();
  return m.str();
}

/// A command line that breaks between its words alone, as far as it can.
[[nodiscard]] inline std::string code(const std::vector<std::string>& words) {
  markup m;
  m.open("code");
  for (std::size_t i = 0; i < words.size(); ++i) m.text(i ? " " : "").leaf("span", words[i]);
  return m.close().str();
}

}  // namespace heddle::examples::html
