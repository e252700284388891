// Records of a long JSON document one at a time: no tree of the whole is built, and of each record only what
// is read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>

namespace heddle::pilot::detail {

/// Events of nlohmann's `sax_parse`: finds the list `list` of the outermost object, and calls `use` for each
/// of its objects with those of its keys that are among `keys`. In what stands below, keys are kept that are among
/// `inner`.
class record_reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  enum class outcome : unsigned char { no_list, list, not_objects };

  record_reader(std::string_view list, std::span<const std::string_view> keys,
                std::span<const std::string_view> inner,
                std::function<void(const nlohmann::json&)> use)
      : list_(list), keys_(keys), inner_(inner), use_(std::move(use)) {}

  [[nodiscard]] outcome result() const { return result_; }

  bool null() override { return value(nullptr); }
  bool boolean(bool x) override { return value(x); }
  bool number_integer(number_integer_t x) override { return value(x); }
  bool number_unsigned(number_unsigned_t x) override { return value(x); }
  bool number_float(number_float_t x, const string_t&) override { return value(x); }
  bool string(string_t& x) override {
    if (at_record()) return not_object();
    if (keeps()) put(nlohmann::json(std::move(x)));
    return true;
  }
  bool binary(binary_t&) override { return true; }
  bool key(string_t& x) override {
    if (depth_ == 1) is_list_ = x == list_;
    if (inside_ && unwanted_ == 0) {
      const auto& wanted = depth_ == record_depth ? keys_ : inner_;
      wanted_ = std::find(wanted.begin(), wanted.end(), x) != wanted.end();
      if (wanted_) key_ = x;
    }
    return true;
  }
  bool start_object(std::size_t) override {
    ++depth_;
    if (inside_) {
      open(nlohmann::json::object());
    } else if (in_list_ && depth_ == record_depth) {
      inside_ = true;
      record_ = nlohmann::json::object();
      stack_.assign(1, &record_);
    }
    return true;
  }
  bool end_object() override {
    close();
    --depth_;
    if (inside_ && depth_ < record_depth) {
      inside_ = false;
      use_(record_);
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (at_record()) return not_object();
    ++depth_;
    if (inside_) {
      open(nlohmann::json::array());
    } else if (depth_ == 2 && is_list_) {
      in_list_ = true;
      result_ = outcome::list;
    }
    return true;
  }
  bool end_array() override {
    close();
    --depth_;
    if (depth_ < 2) in_list_ = false;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  static constexpr int record_depth = 3;

  [[nodiscard]] bool at_record() const { return in_list_ && !inside_; }
  bool not_object() {
    result_ = outcome::not_objects;
    return false;
  }
  /// Whether the value that comes is kept.
  [[nodiscard]] bool keeps() const {
    return inside_ && unwanted_ == 0 && (stack_.back()->is_array() || wanted_);
  }
  template <class T>
  bool value(T x) {
    if (at_record()) return not_object();
    if (keeps()) put(nlohmann::json(x));
    return true;
  }
  nlohmann::json* put(nlohmann::json x) {
    nlohmann::json& into = *stack_.back();
    if (into.is_array()) {
      into.push_back(std::move(x));
      return &into.back();
    }
    wanted_ = false;
    return &(into[key_] = std::move(x));
  }
  void open(nlohmann::json empty) {
    if (keeps())
      stack_.push_back(put(std::move(empty)));
    else
      ++unwanted_;
  }
  void close() {
    if (!inside_) return;
    if (unwanted_ > 0)
      --unwanted_;
    else
      stack_.pop_back();
  }

  std::string_view list_;
  std::span<const std::string_view> keys_, inner_;
  std::function<void(const nlohmann::json&)> use_;
  outcome result_ = outcome::no_list;
  int depth_ = 0;     // of objects and lists
  int unwanted_ = 0;  // of those within a record that are passed over
  bool is_list_ = false, in_list_ = false, inside_ = false, wanted_ = false;
  std::string key_;
  nlohmann::json record_;
  std::vector<nlohmann::json*>
      stack_;  // of what is built: a value is finished before its parent gets another
};

}  // namespace heddle::pilot::detail
