// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <cstddef>
#include <vector>

#include <heddle/core/job.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic::archetype {

/// A PhaseSource and nothing more: neither copyable nor default constructible; its size is only
/// convertible to std::size_t.
struct phase_source {
  struct count {
    std::size_t value;
    operator std::size_t() const { return value; }
  };
  phase_source() = delete;
  phase_source(const phase_source&) = delete;
  phase_source& operator=(const phase_source&) = delete;
  explicit phase_source(double bytes) : bytes_(bytes) {}
  count size() const { return {1}; }
  phase write(std::size_t, std::vector<flow>& out) const {
    out.assign(1, {0, 1});
    return {.bytes = bytes_};
  }

 private:
  double bytes_;
};

/// A JobTraffic and nothing more; its sources can only be moved.
struct job_traffic {
  struct sent {
    sent(sent&&) = default;
    explicit sent(double bytes) : bytes_(bytes) {}
    std::size_t size() const { return 1; }
    phase write(std::size_t, std::vector<flow>& out) const {
      out.assign(1, {0, 1});
      return {.bytes = bytes_};
    }

   private:
    double bytes_;
  };
  sent operator()(const job&, const group&, double bytes) const { return sent{bytes}; }
};

static_assert(PhaseSource<phase_source>);
static_assert(JobTraffic<job_traffic>);

}  // namespace heddle::traffic::archetype
