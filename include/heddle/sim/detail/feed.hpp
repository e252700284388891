// Where the jobs of a simulation come from: all there, or one by one.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/job.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/sim/detail/check_input.hpp>
#include <heddle/sim/job_source.hpp>

namespace heddle::sim::detail {

/// A job that joins the queue; both outlive it there.
struct newcomer {
  const job* spec = nullptr;
  const model::curve* curve = nullptr;
};

/// The jobs of a workload, which were checked and must outlive this.
class workload_feed {
 public:
  explicit workload_feed(const model::workload& all) : all_(all) {}

  /// The next job, or null.
  [[nodiscard]] const job* ahead() const {
    return next_ < all_.size() ? &all_.jobs[next_] : nullptr;
  }
  /// Precondition: there is one.
  newcomer take() {
    const std::size_t i = next_++;
    return {&all_.jobs[i], &all_.curve_of_job(i)};
  }
  void ended(const job*) {}
  /// Jobs taken so far.
  [[nodiscard]] std::size_t taken() const { return next_; }

 private:
  const model::workload& all_;
  std::size_t next_ = 0;
};

/// The jobs of a source, checked as they come, each kept until it ends. O(1) a job.
template <JobSource Source>
class source_feed {
 public:
  /// Both must outlive this.
  source_feed(Source& source, const fabric::hosts& h) : source_(source), hosts_(h) { fetch(); }
  source_feed(const source_feed&) = delete;
  source_feed& operator=(const source_feed&) = delete;

  [[nodiscard]] const job* ahead() const { return next_ ? &next_->spec : nullptr; }
  /// \throws input_error  for the job after this one, if it cannot be replayed
  newcomer take() {
    if (spare_.empty()) {
      kept_.push_back(std::make_unique<job>());
      spare_.push_back(kept_.back().get());
    }
    job* const spec = spare_.back();
    spare_.pop_back();
    *spec = std::move(next_->spec);
    const model::curve* const curve = next_->curve;
    ++taken_;
    last_submit_s_ = spec->submit_s;
    fetch();
    return {spec, curve};
  }
  /// Nobody looks at a job any more.
  void ended(const job* spec) { spare_.push_back(const_cast<job*>(spec)); }  // it is one of `kept_`
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  void fetch() {
    next_ = source_.next();
    if (!next_) return;
    const job& j = next_->spec;
    if (taken_ > 0) check_order(j, last_submit_s_);
    if (!next_->curve) refuse(j, "a curve", "none");
    check_job(hosts_, j, *next_->curve);
  }

  Source& source_;
  const fabric::hosts& hosts_;
  std::optional<submission> next_;
  std::vector<std::unique_ptr<job>> kept_;
  std::vector<job*> spare_;
  std::size_t taken_ = 0;
  double last_submit_s_ = 0;
};

}  // namespace heddle::sim::detail
