// Counts what this thread allocates in a scope:
//
//   policy(state);                       // warm-up
//   heddle::test::allocation_guard guard;
//   policy(state);
//   CHECK(guard.count() == 0);
//
// Counts calls of operator new. Eigen's own storage comes from malloc and is not seen: use
// EIGEN_RUNTIME_NO_MALLOC for that. A failing CHECK allocates, so take count() first where the
// scope holds several checks. Compilers may leave out an allocation whose result nobody reads.
#pragma once

#include <cstddef>

namespace heddle::test {

/// Calls of operator new in this thread since it started. Defined in allocation_guard.cpp.
std::size_t allocations() noexcept;

class allocation_guard {
 public:
  /// Calls of operator new in this thread since the guard was made.
  [[nodiscard]] std::size_t count() const noexcept { return allocations() - start_; }

 private:
  std::size_t start_ = allocations();
};

}  // namespace heddle::test
