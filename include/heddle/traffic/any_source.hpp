// A source of phases chosen at run time.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// Any PhaseSource behind one type. A phase costs one indirect call more than from the source itself.
/// Copies share the source, which is only read. Holds no phases where nothing was put in.
class any_source {
 public:
  any_source() = default;

  /// One allocation.
  template <PhaseSource Source>
    requires(!std::same_as<Source, any_source> && std::move_constructible<Source>)
  any_source(Source source)
      : object_(std::make_shared<const Source>(std::move(source))), calls_(&calls_of<Source>) {}

  [[nodiscard]] std::size_t size() const { return calls_ ? calls_->size(object_.get()) : 0; }
  /// As of the source inside. Precondition: k < size().
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    return calls_->write(object_.get(), k, out);
  }

 private:
  struct calls {
    std::size_t (*size)(const void*);
    phase (*write)(const void*, std::size_t, std::vector<flow>&);
  };
  template <class S>
  static constexpr calls calls_of{
      [](const void* s) { return static_cast<std::size_t>(static_cast<const S*>(s)->size()); },
      [](const void* s, std::size_t k, std::vector<flow>& out) {
        return static_cast<const S*>(s)->write(k, out);
      }};

  std::shared_ptr<const void> object_;
  const calls* calls_ = nullptr;
};

}  // namespace heddle::traffic
