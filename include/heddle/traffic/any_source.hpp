// A source of phases chosen at run time.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// Any PhaseSource behind one type. A phase costs one indirect call more than from the source itself.
/// Copies share the source, which is only read. Holds no phases where nothing was put in.
class any_source {
 public:
  any_source() = default;

  template <PhaseSource Source>
    requires(!std::same_as<Source, any_source> && std::move_constructible<Source>)
  any_source(Source source)
      : held_(static_cast<const held*>(new held_as<Source>(std::move(source)))) {}

  [[nodiscard]] std::size_t size() const { return held_ ? held_->size() : 0; }
  /// As of the source inside. Precondition: k < size().
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    return held_->write(k, out);
  }

 private:
  struct held {
    virtual ~held() = default;
    [[nodiscard]] virtual std::size_t size() const = 0;
    virtual phase write(std::size_t k, std::vector<flow>& out) const = 0;
  };
  template <class Source>
  struct held_as final : held {
    explicit held_as(Source s) : source(std::move(s)) {}
    [[nodiscard]] std::size_t size() const override {
      return static_cast<std::size_t>(source.size());
    }
    phase write(std::size_t k, std::vector<flow>& out) const override {
      return source.write(k, out);
    }
    Source source;
  };

  std::shared_ptr<const held>
      held_;  // of one type, so that no source brings a counter of its own to compile
};

}  // namespace heddle::traffic
