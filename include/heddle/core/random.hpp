// Streams of random numbers that have a name.
//
// A draw belongs to (seed, entity, purpose): the run time of job 17 is the same number whether or
// not somebody else drew before it, on every compiler. Use Boost.Random's distributions on a
// stream; those of <random> differ from one standard library to the next.
#pragma once

#include <cstdint>
#include <string_view>

namespace heddle {

/// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection of 64 bits in which
/// every output bit depends on every input bit.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// A UniformRandomBitGenerator whose state is one word, so that a stream for each job and purpose
/// costs nothing. Not for cryptography.
class stream {
 public:
  using result_type = std::uint64_t;

  /// \param entity   whose draw it is: a job's id, a run's number
  /// \param purpose  what is drawn: "arrival", "duration"
  constexpr stream(std::uint64_t seed, std::uint64_t entity, std::string_view purpose)
      : state_(mix(mix(seed + golden) ^ (entity * golden))) {
    for (char c : purpose) state_ = mix(state_ + static_cast<unsigned char>(c) + golden);
  }

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  constexpr result_type operator()() { return mix(state_ += golden); }

 private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;
  std::uint64_t state_;
};

}  // namespace heddle
