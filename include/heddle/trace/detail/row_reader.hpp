// Rows of published tables, read as jobs.
#pragma once

#include <cmath>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/text.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/detail/moment.hpp>
#include <heddle/trace/detail/source_jobs.hpp>
#include <heddle/trace/published_formats.hpp>

namespace heddle::trace::detail {

/// Reads the rows of a file of some format as jobs, or parts of jobs.
class row_reader {
 public:
  /// \throws input_error  that names all columns that the file lacks
  row_reader(std::istream& in, const std::string& name, const trace_format& f)
      : format_(f), rows_(in, name, f.dialect), id_(column(f.id)), submit_(column(f.submit)),
        gpus_(column(f.gpus)), start_(column(f.start)), end_(column(f.end)),
        duration_(column(f.duration)), elapsed_(column(f.elapsed)), state_(column(f.state)),
        vc_(column(f.vc)), model_(column(f.model)), deadline_(column(f.deadline)),
        share_(column(f.share)), instances_(column(f.instances)), asked_(column(f.asked)),
        gres_(column(f.gres)), gres_by_node_(column(f.gres_by_node)), nodes_(column(f.nodes)) {
    std::vector<std::string_view> missing;
    if (!id_) missing.push_back(first(f.id));
    if (!submit_) missing.push_back(first(f.submit));
    if (!gpus_) missing.push_back(first(f.gpus));
    if (!duration_ && !elapsed_ && !(start_ && end_))
      missing.push_back(!f.duration.empty() ? f.duration : start_ ? f.end : f.start);
    if (!missing.empty()) rows_.lacks(missing);
    if (same(gpus_, asked_) || same(gpus_, gres_) || same(gpus_, gres_by_node_)) gpus_.reset();
  }

  bool next() { return rows_.next(); }
  [[nodiscard]] std::string where() const { return rows_.where(); }
  [[nodiscard]] bool is_step() const {
    return format_.steps && rows_.bare(*id_).find('.') != std::string_view::npos;
  }
  [[nodiscard]] std::optional<double> start() const { return moment(start_); }
  [[nodiscard]] std::optional<double> end() const { return moment(end_); }

  /// The job of the current row. \throws input_error  for a field that is not what it must be
  [[nodiscard]] source_job read() const {
    source_job j;
    j.name = rows_.bare(*id_);
    if (j.name.empty() || rows_.is_cut(*id_)) rows_.fail(*id_, "the name of a job");
    j.status = state_ ? status_in(rows_.bare(*state_)) : -1;
    j.gpus = gpus();
    j.duration_s = duration();
    // Where tasks are rows, one that never ran has no start, which is its submission; nor need columns
    // that stand in for that of submissions have a time.
    const auto submit = moment(submit_);
    const bool stands_in = !same_word(submit_->name, first(format_.submit));
    if (!submit && !format_.parts && !stands_in) rows_.fail(*submit_, "a time, in s or as a date");
    j.submit_s = submit.value_or(stands_in ? start().value_or(0) : 0);
    if (stands_in && !submit && !start()) j.duration_s.reset();
    if (vc_ && !is_null(rows_.bare(*vc_))) j.vc = rows_.bare(*vc_);
    if (model_ && !is_null(rows_.bare(*model_))) j.model = rows_.bare(*model_);
    j.deadline_s = moment(deadline_);
    return j;
  }

 private:
  using maybe = std::optional<csv_column>;

  static std::string_view first(std::string_view names) { return names.substr(0, names.find(' ')); }
  static bool same(const maybe& a, const maybe& b) { return a && b && a->index == b->index; }
  [[nodiscard]] maybe column(std::string_view names) const {
    while (!names.empty()) {
      if (auto c = rows_.column(first(names))) return c;
      const auto blank = names.find(' ');
      names.remove_prefix(blank == std::string_view::npos ? names.size() : blank + 1);
    }
    return std::nullopt;
  }

  [[nodiscard]] bool has(const maybe& c) const { return c && !is_null(rows_.bare(*c)); }
  /// A time; nothing if the row has none.
  [[nodiscard]] std::optional<double> moment(const maybe& c) const {
    if (!has(c)) return std::nullopt;
    const auto at = moment_in(rows_.bare(*c));
    if (!at || !(std::abs(*at) < 1e15)) rows_.fail(*c, "a time, in s or as a date");
    return at;
  }
  [[nodiscard]] std::optional<double> number(const maybe& c) const {
    if (!has(c)) return std::nullopt;
    return rows_.number(*c, 0, "a number of at least 0");
  }

  [[nodiscard]] double gpus() const {
    if (format_.tres) return gpus_of_lists();
    double n = number(gpus_).value_or(0) / format_.gpus_unit;
    if (share_ && n > 0) n *= number(share_).value_or(1000) / 1000;
    if (instances_) n *= number(instances_).value_or(1);
    return n;
  }
  /// Of what was given, or if that is not told asked for; else of the older lists.
  [[nodiscard]] double gpus_of_lists() const {
    const auto in_list = [&](const maybe& c, auto&& counted, const char* expected) -> double {
      if (!has(c)) return 0;
      const auto n = counted(rows_.bare(*c));
      if (!n || rows_.is_cut(*c)) rows_.fail(*c, expected);
      return *n;
    };
    constexpr const char* tres = "resources like cpu=8,gres/gpu=4";
    constexpr const char* gres = "resources like gpu:4";
    double n = in_list(has(gpus_) ? gpus_ : asked_, gpus_in_tres, tres);
    if (!(n > 0)) n = in_list(gres_, gpus_in_gres, gres);
    if (!(n > 0)) n = in_list(gres_by_node_, gpus_in_gres, gres) * number(nodes_).value_or(1);
    return n;
  }

  [[nodiscard]] std::optional<double> duration() const {
    const auto from = start(), to = end();
    if (start_ && !from) return std::nullopt;  // never started
    std::optional<double> between, told;
    if (from && to) between = *to - *from;
    if (has(duration_)) {
      told = rows_.number(*duration_, "a number of s");
      if (!(std::abs(*told) < 1e15)) rows_.fail(*duration_, "a number of s");
    } else if (has(elapsed_)) {
      told = elapsed_in(rows_.bare(*elapsed_));
      if (!told) rows_.fail(*elapsed_, "a time like 1-02:03:04");
    }
    return format_.duration_first ? (told ? told : between) : (between ? between : told);
  }

  trace_format format_;
  csv_reader rows_;
  maybe id_, submit_, gpus_, start_, end_, duration_, elapsed_, state_, vc_, model_, deadline_,
      share_, instances_, asked_, gres_, gres_by_node_, nodes_;
};

}  // namespace heddle::trace::detail
