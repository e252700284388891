// Work space of a policy that is no part of its value.
#pragma once

#include <any>
#include <cassert>
#include <memory>

namespace heddle::detail {

/// Memory that a policy keeps between calls so that it need not allocate again, and that changes no
/// answer but the time it takes. It is no part of what the policy is: a copy starts without any, all are
/// equal, and what is moved takes it along. So a policy that holds one compares and copies as its options
/// do, and grows by the size of a pointer.
///
///     struct mine {
///       int depth = 3;
///       heddle::detail::scratch<std::vector<int>> seen = {};  // last, so that nobody need name it
///       bool operator==(const mine&) const = default;
///       void operator()(…) { seen->clear(); … }
///     };
///
/// `T` is made on first use, by its default constructor. What is assigned to keeps its own, so that a
/// trial copy that is made again and again need not allocate: what is held must serve other options too,
/// as these may be changed at any time anyway. One writer.
template <class T>
class scratch {
 public:
  scratch() = default;
  scratch(const scratch&) noexcept {}
  scratch(scratch&&) noexcept = default;
  scratch& operator=(const scratch&) noexcept { return *this; }
  scratch& operator=(scratch&&) noexcept = default;
  ~scratch() = default;

  /// Whether it has been made.
  explicit operator bool() const { return held_ != nullptr; }

  T& operator*() {
    if (!held_) held_ = std::make_unique<T>();
    return *held_;
  }
  T* operator->() { return &**this; }

  /// Precondition: it has been made.
  const T& operator*() const {
    assert(held_);
    return *held_;
  }
  const T* operator->() const { return &**this; }

  friend bool operator==(const scratch&, const scratch&) { return true; }

 private:
  std::unique_ptr<T> held_;
};

/// The same for a type that only its user knows. Made anew when another type is asked for.
class any_scratch {
 public:
  /// The object of this type that it holds, made anew if the last one was of another.
  template <class T>
  T& of() {
    if (T* last = std::any_cast<T>(&*value_)) return *last;
    return (*value_).template emplace<T>();
  }

 private:
  scratch<std::any> value_;
};

}  // namespace heddle::detail
