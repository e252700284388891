// Which state this is.
#pragma once

#include <memory>

namespace heddle::schedule::detail {

/// Tells one state from another, wherever they stand: who has kept a `tag` knows the state again, and
/// takes neither a copy of it for it nor another that lies where it lay.
class identity {
 public:
  using tag = std::weak_ptr<const char>;

  identity() = default;
  identity(const identity&) : identity() {}
  identity& operator=(const identity&) {
    self_ = std::make_shared<const char>();
    return *this;
  }

  [[nodiscard]] tag known_by() const { return self_; }
  [[nodiscard]] bool is(const tag& t) const {
    return !t.owner_before(self_) && !self_.owner_before(t);
  }

 private:
  std::shared_ptr<const char> self_ = std::make_shared<const char>();
};

}  // namespace heddle::schedule::detail
