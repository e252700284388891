// Independent tasks on all processors.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace heddle::examples {

/// Calls `task(i)` for all i below n on as many threads as there are processors, the lowest i first.
/// Throws what the first task threw, after all threads are back.
template <class Task>
void in_parallel(std::size_t n, Task&& task) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr thrown;
  std::mutex guard;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < n;) {
      try {
        task(i);
      } catch (...) {
        const std::lock_guard lock(guard);
        if (!thrown) thrown = std::current_exception();
        next = n;
      }
    }
  };
  {
    std::vector<std::jthread> others;
    const std::size_t threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, n);
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace heddle::examples
