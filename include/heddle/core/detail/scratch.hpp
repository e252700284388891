// Room to work in that is no part of a value.
#pragma once

#include <any>

namespace heddle::detail {

/// A `T` that its owner works in and may find as it left it, to allocate little. Copies begin empty
/// and all are equal, so that it can be a member of options.
template <class T>
class scratch {
 public:
  scratch() = default;
  scratch(const scratch&) {}
  scratch(scratch&&) = default;
  scratch& operator=(const scratch&) { return *this; }
  scratch& operator=(scratch&&) = default;

  [[nodiscard]] T& operator*() { return value_; }
  [[nodiscard]] T* operator->() { return &value_; }

  friend bool operator==(const scratch&, const scratch&) { return true; }

 private:
  T value_ = {};
};

/// The same for a type that only its user knows. Made anew when another type is asked for.
class any_scratch {
 public:
  /// A copy of `from`, in the place of the last one if that was of this type.
  template <class T>
  T& copy_of(const T& from) {
    if (T* last = std::any_cast<T>(&*value_)) return *last = from;
    return (*value_).template emplace<T>(from);
  }

 private:
  scratch<std::any> value_;
};

}  // namespace heddle::detail
