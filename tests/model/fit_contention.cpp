#include <heddle/model/fit_contention.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;
using model::contended_sample;
using model::fit_contention;

namespace {

std::vector<contended_sample> measured(double alone_s, communication shares, test::dice& d,
                                       double noise) {
  std::vector<contended_sample> out{{1, alone_s}, {1, alone_s}};
  for (int i = 0; i < 6; ++i) {
    const double s = 1 + 6 * d.real();
    out.push_back({s, alone_s * shares.stretch(s)});
  }
  for (contended_sample& s : out) s.iteration_s *= 1 + noise * (d.real() - .5);
  return out;
}

double squares(const std::vector<contended_sample>& all, double alone_s, communication shares) {
  double sum = 0;
  for (const contended_sample& s : all)
    sum += std::pow(alone_s * shares.stretch(s.stretch) - s.iteration_s, 2);
  return sum;
}

}  // namespace

TEST_CASE("communication that is hidden costs nothing until it takes longer than computing") {
  constexpr communication c{.2, .4};
  CHECK(c.stretch(1) == 1);
  CHECK(c.stretch(2) == doctest::Approx(1.2));
  CHECK(c.stretch(3) == doctest::Approx(3 * .2 + 3 * .4));
  CHECK(c.on_network(1) == doctest::Approx(.6));
  CHECK(c.on_network(3) == doctest::Approx(1));  // nothing else is left
  // With nothing hidden it is the duty that it always was, to the last bit.
  for (double d : {0., .1, .348, .9, 1.})
    for (double s : {1., 1.3, 7.}) CHECK(communication{d}.on_network(s) == d * s / (1 - d + d * s));
}

TEST_CASE("exposed and hidden shares are found again from times without noise") {
  int bent = 0, straight = 0, lost = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const double exposed = .6 * d.real(), hidden = (1 - exposed) * d.real();
    const communication shares{exposed, hidden};
    const auto samples = measured(.5, shares, d, 0);
    const auto beyond = std::count_if(samples.begin(), samples.end(), [&](const auto& s) {
      return s.stretch * hidden > 1 - exposed;
    });
    if (beyond > 5) {  // only what ran alone is on this side
      ++lost;
      CHECK_THROWS_AS((void)fit_contention(samples), input_error);
      CHECK_THROWS_AS((void)fit_contention(samples, exposed + hidden), input_error);
      continue;
    }
    // The share of the network tells what no sample does.
    const auto told = fit_contention(samples, exposed + hidden);
    CHECK(told.shares.exposed == doctest::Approx(exposed).epsilon(1e-6));
    CHECK(told.shares.hidden == doctest::Approx(hidden).epsilon(1e-6));
    const auto fit = fit_contention(samples);
    if (beyond == 0) {
      ++straight;
      CHECK_FALSE(fit.hidden_known);
      CHECK(fit.shares.exposed == doctest::Approx(exposed).epsilon(1e-6));
      CHECK(fit.hidden_at_most >= hidden - 1e-9);
    } else if (beyond <= 4) {  // two or more on either side
      ++bent;
      CHECK(fit.hidden_known);
      CHECK(fit.alone_s == doctest::Approx(.5).epsilon(1e-6));
      CHECK(fit.shares.exposed == doctest::Approx(exposed).epsilon(1e-5));
      CHECK(fit.shares.hidden == doctest::Approx(hidden).epsilon(1e-5));
    }
  }
  CHECK(bent > 50);
  CHECK(straight > 40);
  CHECK(lost > 5);
}

TEST_CASE("no shares on a fine grid explain noisy times better than those fitted") {
  int fitted = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    test::dice d{seed + 1000};
    const double exposed = .6 * d.real(), hidden = (1 - exposed) * d.real();
    const auto samples = measured(1, {exposed, hidden}, d, .2);
    for (bool told : {false, true}) {
      const std::optional<double> share =
          told ? std::optional{std::min(.99, exposed + hidden)} : std::nullopt;
      model::contention_fit fit;
      try {
        fit = fit_contention(samples, share);
      } catch (const input_error&) {
        continue;
      }
      ++fitted;
      const double least = squares(samples, fit.alone_s, fit.shares);
      if (share) CHECK(fit.shares.on_network() == doctest::Approx(*share));
      double best = least;
      for (int e = 0; e <= 50; ++e)
        for (int h = 0; h <= 50 - e; ++h) {
          communication c{e / 50., h / 50.};
          if (share) c = {*share * e / 50, *share * (50 - e) / 50};
          // The best time alone for these shares.
          double up = 0, down = 0;
          for (const contended_sample& s : samples) {
            up += c.stretch(s.stretch) * s.iteration_s;
            down += c.stretch(s.stretch) * c.stretch(s.stretch);
          }
          best = std::min(best, squares(samples, up / down, c));
        }
      CHECK(least <= best * (1 + 1e-9) + 1e-12);
    }
  }
  CHECK(fitted > 50);
}

TEST_CASE("what cannot be fitted is refused") {
  const std::vector<contended_sample> one{{1, 2}, {1, 2.1}};
  CHECK_THROWS_AS((void)fit_contention(one), input_error);
  CHECK_THROWS_AS((void)fit_contention(std::vector<contended_sample>{}), input_error);
  CHECK_THROWS_AS((void)fit_contention(std::vector<contended_sample>{{1, 2}, {.5, 2}}),
                  input_error);
  CHECK_THROWS_AS((void)fit_contention(std::vector<contended_sample>{{1, 2}, {2, 0}}), input_error);
  CHECK_THROWS_AS((void)fit_contention(std::vector<contended_sample>{{1, 2}, {2, 3}}, 1.0),
                  input_error);
}
