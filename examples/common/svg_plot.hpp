// Plots as SVG: legible on a phone, light and dark, told apart without colours.
//
//   drawing      an SVG with title, description and ground
//   plot         lines and points over two axes, with a legend
//   ticks        …_ticks(low, high): where an axis is marked
//
// Colours stand in rules, not in the elements: a page holds the rules once (`svg::style`), a file
// of its own brings them along (`svg::file`). They use no CSS variables, which some viewers lack.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/html.hpp"
#include "common/table.hpp"

namespace heddle::examples::svg {

using html::markup;

/// A colour on white and on a dark ground: at least 3.5 to 1 on either, and different from the
/// others for the common kinds of colour blindness together with their dashes.
struct colour {
  std::string_view light, dark, dashes;
};
inline constexpr std::array<colour, 8> palette{{
    {"#c84b00", "#ff8f52", "2 3"},
    {"#a06a00", "#e8bc45", "9 3"},
    {"#9b3c91", "#df94d3", "9 3 2 3"},
    {"#007f5f", "#45cba2", "5 2"},
    {"#0064b5", "#62b5f5", "none"},
    {"#1a1c1f", "#f2f4f6", "2 4"},
    {"#0b7f96", "#57d3e8", "12 3 2 3 2 3"},
    {"#6b4a2b", "#c9a27e", "12 4"},
}};

/// The rules that drawings need: `c0` … `c7` strokes and `f0` … `f7` fills of the palette, `d0` …
/// `d7` its dashes, and the classes of axes and text.
[[nodiscard]] inline std::string style() {
  struct rule {
    std::string_view what, property, light, dark;
  };
  constexpr std::array<rule, 8> fixed_rules{{
      {".ground", "fill", "#fff", "#14171b"},
      {".ink", "fill", "#1a1c1f", "#e8eaed"},
      {".soft", "fill", "#565b63", "#a9b0ba"},
      {".grid", "stroke", "#e1e5ea", "#2b3138"},
      {".axis", "stroke", "#6a7078", "#8b939d"},
      {".idle", "fill", "#fff", "#14171b"},
      {".idle", "stroke", "#b4bac3", "#59616c"},
      {".busy", "fill", "#c3c8d0", "#5a626d"},
  }};
  std::string light, dark;
  const auto add = [&](const std::string& what, std::string_view property,
                       std::string_view on_light, std::string_view on_dark) {
    const std::string start = what + '{' + std::string(property) + ':';
    light += start + std::string(on_light) + "}\n";
    dark += start + std::string(on_dark) + "}\n";
  };
  for (const rule& r : fixed_rules) add(std::string(r.what), r.property, r.light, r.dark);
  for (std::size_t i = 0; i < palette.size(); ++i) {
    add(".c" + std::to_string(i), "stroke", palette[i].light, palette[i].dark);
    add(".f" + std::to_string(i), "fill", palette[i].light, palette[i].dark);
    light +=
        ".d" + std::to_string(i) + "{stroke-dasharray:" + std::string(palette[i].dashes) + "}\n";
  }
  return "svg text{font-family:system-ui,\"Liberation Sans\",\"DejaVu "
         "Sans\",sans-serif;font-size:14px}\n"
         "svg .heading{font-size:15px;font-weight:600}\nsvg .small{font-size:12.5px}\n"
         ".line{fill:none;stroke-width:2;stroke-linejoin:round}\n.thick{stroke-width:3}\n"
         ".thin{stroke-width:1}\n.faint{stroke-opacity:.75}\n.grid,.axis,.idle{stroke-width:1}\n."
         "solid{stroke-dasharray:none}\n" +
         light + "@media screen and (prefers-color-scheme:dark){\n" + dark + "}\n";
}

/// A coordinate, to a tenth of a pixel.
[[nodiscard]] inline std::string px(double x) {
  char buffer[400];
  const double at = std::round(10 * x) / 10 + 0.0;
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, at, std::chars_format::fixed, 1);
  std::string text(buffer, end);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

/// An SVG to be drawn in. Its title and its description are what a screen reader says.
class drawing : public markup {
 public:
  /// \param id  unique on a page
  drawing(const std::string& id, double width, double height, std::string_view title,
          std::string_view description) {
    open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                 {"viewBox", "0 0 " + px(width) + " " + px(height)},
                 {"role", "img"},
                 {"aria-labelledby", id + "-title " + id + "-description"}});
    newline().leaf("title", title, {{"id", id + "-title"}}).newline();
    leaf("desc", description, {{"id", id + "-description"}}).newline();
    empty("rect", {{"class", "ground"}, {"width", px(width)}, {"height", px(height)}}).newline();
  }

  drawing& line(double x1, double y1, double x2, double y2, std::string_view classes) {
    empty("line",
          {{"class", classes}, {"x1", px(x1)}, {"y1", px(y1)}, {"x2", px(x2)}, {"y2", px(y2)}});
    return *this;
  }
  drawing& rect(double x, double y, double w, double h, std::string_view classes) {
    empty("rect",
          {{"class", classes}, {"x", px(x)}, {"y", px(y)}, {"width", px(w)}, {"height", px(h)}});
    return *this;
  }
  /// \param anchor  start, middle or end
  drawing& label(double x, double y, std::string_view words, std::string_view anchor = "start",
                 std::string_view classes = "ink") {
    leaf("text", words, {{"class", classes}, {"x", px(x)}, {"y", px(y)}, {"text-anchor", anchor}});
    return *this;
  }
  /// Circle, square, triangle or diamond by `shape`, filled with a colour of the palette.
  drawing& mark(double x, double y, std::size_t shape, std::string_view classes) {
    constexpr double r = 5;
    std::string path;
    const auto corner = [&](double dx, double dy) {
      path += (path.empty() ? "M" : "L") + px(x + dx) + ' ' + px(y + dy);
    };
    switch (shape % 4) {
    case 0:
      empty("circle", {{"class", classes}, {"cx", px(x)}, {"cy", px(y)}, {"r", px(r)}});
      return *this;
    case 1:
      for (auto [dx, dy] : {std::pair{-1, -1}, {1, -1}, {1, 1}, {-1, 1}})
        corner(.9 * r * dx, .9 * r * dy);
      break;
    case 2:
      for (auto [dx, dy] : {std::pair{0., -1.2}, {1.1, .8}, {-1.1, .8}}) corner(r * dx, r * dy);
      break;
    default:
      for (auto [dx, dy] : {std::pair{0, -1}, {1, 0}, {0, 1}, {-1, 0}})
        corner(1.3 * r * dx, 1.3 * r * dy);
    }
    empty("path", {{"class", classes}, {"d", path + "Z"}});
    return *this;
  }

  /// Ends the drawing. Call once.
  [[nodiscard]] std::string finish() { return newline().close().newline().str(); }
};

/// A finished drawing as a file of its own.
[[nodiscard]] inline std::string file(const std::string& drawn) {
  const std::size_t after_start = drawn.find('>') + 1;
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + drawn.substr(0, after_start) +
         "<style>\n" + style() + "</style>" + drawn.substr(after_start);
}

// ---- Axes ---------------------------------------------------------------------------------------

struct tick {
  double at;
  std::string label;
};

struct axis {
  std::string label;
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<tick> ticks = {};

  /// Where `x` stands between the ends, 0 to 1; what lies outside is put on the nearer end.
  [[nodiscard]] double part(double x) const {
    const double p = logarithmic ? std::log(std::max(x, low) / low) / std::log(high / low)
                                 : (x - low) / (high - low);
    return std::clamp(p, 0.0, 1.0);
  }
};

/// The step from 1, 2, 2.5 or 5 times a power of ten that divides low … high into at most `most`.
[[nodiscard]] inline double round_step(double range, int most) {
  double step = std::pow(10, std::floor(std::log10(range / most)));
  for (double factor : {1.0, 2.0, 2.5, 5.0, 10.0})
    if (range / (factor * step) <= most) return factor * step;
  return 10 * step;
}

/// Round numbers from `low` to `high`, at most `most` + 1 of them.
/// \param scale  numbers are shown divided by it
[[nodiscard]] inline std::vector<tick> linear_ticks(double low, double high, int most,
                                                    double scale = 1) {
  std::vector<tick> out;
  const double step = round_step((high - low) / scale, most);
  int digits = 0;
  while (digits < 6 &&
         std::abs(step * std::pow(10, digits) - std::round(step * std::pow(10, digits))) >
             1e-6 * std::pow(10, digits) * step)
    ++digits;
  const double first = std::ceil(low / scale / step - 1e-9),
               last = std::floor(high / scale / step + 1e-9);
  for (double i = first; i <= last; ++i) out.push_back({i * step * scale, fixed(i * step, digits)});
  return out;
}

/// An axis from 0, or from `low`, to the round number at or above `high`.
[[nodiscard]] inline axis linear_axis(std::string label, double low, double high, int most,
                                      double scale = 1) {
  if (!(high > low)) high = low + scale;
  const double step = scale * round_step((high - low) / scale, most);
  axis a{std::move(label), low, step * std::ceil(high / step - 1e-9)};
  a.ticks = linear_ticks(a.low, a.high, most, scale);
  return a;
}

/// A logarithmic axis of times in s, marked in minutes, hours and days.
[[nodiscard]] inline axis duration_axis(std::string label, double low_s, double high_s) {
  constexpr double minute = 60, hour = 3600, day = 86400;
  const std::vector<tick> all{{1, "1 s"},
                              {3, "3 s"},
                              {10, "10 s"},
                              {30, "30 s"},
                              {minute, "1 min"},
                              {3 * minute, "3 min"},
                              {10 * minute, "10 min"},
                              {30 * minute, "30 min"},
                              {hour, "1 h"},
                              {2 * hour, "2 h"},
                              {5 * hour, "5 h"},
                              {12 * hour, "12 h"},
                              {day, "1 d"},
                              {2 * day, "2 d"},
                              {5 * day, "5 d"},
                              {15 * day, "15 d"},
                              {50 * day, "50 d"},
                              {150 * day, "150 d"},
                              {500 * day, "500 d"}};
  // The ends are marks themselves, so that the axis can be read to its ends.
  std::size_t first = 0, last = all.size() - 1;
  while (first + 2 < all.size() && all[first + 1].at <= low_s) ++first;
  while (last > first + 1 && all[last - 1].at >= high_s) --last;
  axis a{std::move(label), all[first].at, all[last].at, true};
  a.ticks.assign(all.begin() + static_cast<std::ptrdiff_t>(first),
                 all.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  return a;
}

// ---- Plots --------------------------------------------------------------------------------------

struct point {
  double x = 0, y = 0;
  std::string label = {};                                          ///< beside its mark
  std::optional<std::pair<double, double>> spread = std::nullopt;  ///< of y: low and high
  bool label_below = false;                                        ///< below its mark
};

struct series {
  std::string label;
  std::size_t look = 0;  ///< colour, dashes and mark: a place in the palette
  std::vector<point> points = {};
  bool steps = false;  ///< y holds until the next x
  bool marks = false;
  bool thick = false;
};

struct plot {
  std::string id, title, description;
  axis x, y;
  std::vector<series> lines = {};
  double width = 480, height = 300;  ///< without the legend
};

namespace detail {

/// Where the parts of a plot lie.
struct frame {
  double left = 58, right, top = 56, bottom;
  const plot& p;

  explicit frame(const plot& of) : right(of.width - 18), bottom(of.height - 50), p(of) {}
  [[nodiscard]] double x(double v) const { return left + (right - left) * p.x.part(v); }
  [[nodiscard]] double y(double v) const { return bottom - (bottom - top) * p.y.part(v); }
};

inline void draw_axes(drawing& d, const frame& f) {
  const plot& p = f.p;
  d.label(8, 20, p.title, "start", "ink heading").newline();
  d.label(8, 42, p.y.label, "start", "soft").newline();
  for (const tick& t : p.y.ticks) {
    d.line(f.left, f.y(t.at), f.right, f.y(t.at), "grid");
    d.label(f.left - 7, f.y(t.at) + 5, t.label, "end", "soft").newline();
  }
  // A label that would touch the one before it or the last is left out.
  const auto half = [](const tick& t) { return 4.0 * static_cast<double>(width(t.label)) + 3; };
  double taken = 0;
  for (const tick& t : p.x.ticks) {
    const double x = f.x(t.at);
    d.line(x, f.top, x, f.bottom, "grid").line(x, f.bottom, x, f.bottom + 4, "axis");
    const tick& last = p.x.ticks.back();
    const bool free = &t == &last || x + half(t) <= f.x(last.at) - half(last);
    if (x - half(t) < taken || !free) continue;
    taken = x + half(t);
    d.label(x, f.bottom + 19, t.label, "middle", "soft").newline();
  }
  d.line(f.left, f.bottom, f.right, f.bottom, "axis").line(f.left, f.top, f.left, f.bottom, "axis");
  d.label((f.left + f.right) / 2, f.bottom + 40, p.x.label, "middle", "soft").newline();
}

[[nodiscard]] inline std::string classes(const series& s, std::string_view kind) {
  const std::string n = std::to_string(s.look % palette.size());
  return std::string(kind) + " c" + n + " d" + n + (s.thick ? " thick" : "");
}

inline void draw_line(drawing& d, const frame& f, const series& s) {
  std::string path, last_y;
  for (const point& q : s.points) {
    const std::string x = px(f.x(q.x)), y = px(f.y(q.y));
    if (path.empty())
      path = "M" + x + ' ' + y;
    else if (s.steps && y == last_y)
      continue;
    else
      path += s.steps ? "H" + x + "V" + y : "L" + x + ' ' + y;
    last_y = y;
  }
  if (s.steps && !s.points.empty()) path += "H" + px(f.x(s.points.back().x));
  if (!path.empty()) d.empty("path", {{"class", classes(s, "line")}, {"d", path}}).newline();
}

inline void draw_marks(drawing& d, const frame& f, const series& s) {
  const std::string n = std::to_string(s.look % palette.size());
  for (const point& q : s.points) {
    const double x = f.x(q.x), y = f.y(q.y);
    if (q.spread) {
      const double low = f.y(q.spread->first), high = f.y(q.spread->second);
      const std::string bar = "line thin solid c" + n;
      d.line(x, low, x, high, bar)
          .line(x - 3, low, x + 3, low, bar)
          .line(x - 3, high, x + 3, high, bar);
    }
    d.mark(x, y, s.look, "f" + n);
    if (!q.label.empty())
      d.label(q.label_below ? x : x + 9, q.label_below ? y + 24 : y - 7, q.label,
              q.label_below ? "middle" : "start", "soft small");
    d.newline();
  }
}

/// Entries of the legend in a row: long ones have theirs alone.
[[nodiscard]] inline std::size_t legend_columns(const plot& p) {
  const bool fit = std::all_of(p.lines.begin(), p.lines.end(),
                               [](const series& s) { return width(s.label) <= 23; });
  return fit ? 2 : 1;
}

inline void draw_legend(drawing& d, const plot& p) {
  const std::size_t columns = legend_columns(p);
  for (std::size_t i = 0; i < p.lines.size(); ++i) {
    const series& s = p.lines[i];
    const double x = 12 + static_cast<double>(i % columns) * (p.width / 2 - 4);
    const double y = p.height + 12 + static_cast<double>(i / columns) * 22;
    d.line(x, y, x + 34, y, classes(s, "line"));
    if (s.marks) d.mark(x + 17, y, s.look, "f" + std::to_string(s.look % palette.size()));
    d.label(x + 42, y + 5, s.label).newline();
  }
}

}  // namespace detail

/// Draws a plot; its legend stands below.
[[nodiscard]] inline std::string render(const plot& p) {
  const std::size_t columns = detail::legend_columns(p);
  const auto rows = static_cast<double>((p.lines.size() + columns - 1) / columns);
  drawing d(p.id, p.width, p.height + 22 * rows + 6, p.title, p.description);
  const detail::frame f(p);
  detail::draw_axes(d, f);
  for (const series& s : p.lines) detail::draw_line(d, f, s);
  for (const series& s : p.lines)
    if (s.marks) detail::draw_marks(d, f, s);
  detail::draw_legend(d, p);
  return d.finish();
}

}  // namespace heddle::examples::svg
