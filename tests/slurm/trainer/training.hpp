// What the trainer computes, and what it keeps of it: a regression by stochastic gradients over samples of which
// each depends on all before, so that its result proves that every sample was used once and in its order.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace heddle::test {

/// A part of the work, done by one start of the job and safe in a checkpoint.
struct trained_part {
  int restart = 0, gpus = 0;
  std::uint64_t from = 0, to = 0;  ///< samples

  friend bool operator==(const trained_part&, const trained_part&) = default;
};

struct training {
  std::uint64_t done = 0;  ///< samples
  std::uint64_t chain = 0;
  std::array<double, 4> weights{};
  std::vector<trained_part> ledger{};  ///< of all that is safe

  /// Uses the next sample.
  void step() {
    std::array<double, 4> x{};
    std::uint64_t h = mix(done + 1);
    for (double& v : x) v = static_cast<double>((h = mix(h)) >> 11) * 0x1p-52 - 1;
    const double y = x[0] - 2 * x[1] + 3 * x[2] - 4 * x[3];
    double off = y;
    for (std::size_t i = 0; i < 4; ++i) off -= weights[i] * x[i];
    for (std::size_t i = 0; i < 4; ++i) weights[i] += 0.05 * off * x[i];
    chain = mix(chain ^ std::bit_cast<std::uint64_t>(off));
    ++done;
  }
  /// What a run that nobody ever stopped has after so many samples.
  static training undisturbed(std::uint64_t samples) {
    training t;
    while (t.done < samples) t.step();
    return t;
  }
  /// Whether every sample up to `samples` was used once: by its result and by its ledger.
  [[nodiscard]] bool proves(std::uint64_t samples) const {
    const training all = undisturbed(samples);
    std::uint64_t safe = 0;
    for (const trained_part& p : ledger) {
      if (p.from != safe || p.to < p.from) return false;
      safe = p.to;
    }
    return safe == samples && done == samples && chain == all.chain && weights == all.weights;
  }

  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    out << "training " << done << ' ' << chain;
    for (double w : weights) out << ' ' << std::bit_cast<std::uint64_t>(w);
    for (const trained_part& p : ledger)
      out << '\n' << p.restart << ' ' << p.gpus << ' ' << p.from << ' ' << p.to;
    out << "\nend\n";
    return out.str();
  }
  /// Nothing where there is no checkpoint.
  static std::optional<training> read(const std::string& file) {
    std::ifstream in(file);
    training t;
    std::string word;
    if (!(in >> word >> t.done >> t.chain) || word != "training") return std::nullopt;
    for (double& w : t.weights) {
      std::uint64_t bits = 0;
      in >> bits;
      w = std::bit_cast<double>(bits);
    }
    for (trained_part p; in >> p.restart >> p.gpus >> p.from >> p.to;) t.ledger.push_back(p);
    in.clear();
    return in >> word && word == "end" ? std::optional(t) : std::nullopt;
  }

 private:
  static std::uint64_t mix(std::uint64_t x) {  // splitmix64
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
};

}  // namespace heddle::test
