// The counting operator new behind allocation_guard.hpp. A file of its own: where GCC sees the
// operators and their callers together it inlines some and warns of a mismatch.
#include "support/allocation_guard.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t calls = 0;

void* allocate(std::size_t size, std::size_t alignment = 0) noexcept {
  ++calls;
  if (size == 0) size = 1;
  if (alignment == 0) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* or_throw(void* p) {
  if (p == nullptr) throw std::bad_alloc{};
  return p;
}

}  // namespace

std::size_t heddle::test::allocations() noexcept { return calls; }

// Every form, because a sanitizer's runtime brings its own for those that are left out.
using align = std::align_val_t;
using nothrow = std::nothrow_t;
using std::size_t;

void* operator new(size_t n) { return or_throw(allocate(n)); }
void* operator new[](size_t n) { return or_throw(allocate(n)); }
void* operator new(size_t n, align a) { return or_throw(allocate(n, static_cast<size_t>(a))); }
void* operator new[](size_t n, align a) { return or_throw(allocate(n, static_cast<size_t>(a))); }
void* operator new(size_t n, const nothrow&) noexcept { return allocate(n); }
void* operator new[](size_t n, const nothrow&) noexcept { return allocate(n); }
void* operator new(size_t n, align a, const nothrow&) noexcept {
  return allocate(n, static_cast<size_t>(a));
}
void* operator new[](size_t n, align a, const nothrow&) noexcept {
  return allocate(n, static_cast<size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, align) noexcept { std::free(p); }
void operator delete[](void* p, align) noexcept { std::free(p); }
void operator delete(void* p, size_t, align) noexcept { std::free(p); }
void operator delete[](void* p, size_t, align) noexcept { std::free(p); }
void operator delete(void* p, const nothrow&) noexcept { std::free(p); }
void operator delete[](void* p, const nothrow&) noexcept { std::free(p); }
void operator delete(void* p, align, const nothrow&) noexcept { std::free(p); }
void operator delete[](void* p, align, const nothrow&) noexcept { std::free(p); }
