#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/levenberg_marquardt.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <boost/random/normal_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>

using namespace heddle;
using model::detail::matrix;
using model::detail::vector;

namespace {

matrix random_matrix(std::size_t rows, std::size_t columns, stream& s) {
  boost::random::normal_distribution<double> normal;
  matrix a(rows, columns);
  for (std::size_t j = 0; j < columns; ++j)
    for (std::size_t i = 0; i < rows; ++i) a(i, j) = normal(s);
  return a;
}

double distance(const vector& a, const vector& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

/// Rosenbrock's valley, whose Jacobian is regular, and a second copy of its first parameter where
/// `doubled`, so that it is not.
struct valley {
  bool doubled = false;
  [[nodiscard]] int values() const { return 3; }
  void residuals(const vector& x, vector& r) const {
    const double a = doubled ? x[0] + x[2] : x[0];
    r = {10 * (x[1] - a * a), 1 - a, 0};
  }
  void jacobian(const vector& x, matrix& j) const {
    const double a = doubled ? x[0] + x[2] : x[0];
    j = matrix(3, x.size());
    j(0, 0) = -20 * a, j(0, 1) = 10, j(1, 0) = -1;
    if (doubled) j(0, 2) = -20 * a, j(1, 2) = -1;
  }
};

/// Samples of k·e^(−bt) + c, with noise that does not vanish at the minimum.
struct decay {
  vector t, y;
  [[nodiscard]] int values() const { return static_cast<int>(t.size()); }
  void residuals(const vector& x, vector& r) const {
    for (std::size_t i = 0; i < t.size(); ++i) r[i] = x[0] * std::exp(-x[1] * t[i]) + x[2] - y[i];
  }
  void jacobian(const vector& x, matrix& j) const {
    j = matrix(t.size(), 3);
    for (std::size_t i = 0; i < t.size(); ++i) {
      j(i, 0) = std::exp(-x[1] * t[i]);
      j(i, 1) = -x[0] * t[i] * j(i, 0);
      j(i, 2) = 1;
    }
  }
};

}  // namespace

TEST_CASE("what a factored matrix solves satisfies its equations") {
  for (std::uint64_t k = 0; k < 100; ++k) {
    CAPTURE(k);
    stream s(3, k, "dense");
    const std::size_t n = 1 + k % 15;
    const matrix a = model::detail::normal_of(random_matrix(n + 5, n, s), 0, n + 5);
    const vector x = random_matrix(n, 1, s).column(0), b = a * x;
    CHECK(distance(model::detail::ldlt(a).solve(b), x) < 1e-7);
    const matrix inverse = model::detail::ldlt(a).inverse();
    CHECK(distance(inverse * b, x) < 1e-7);
    // bᵀ A⁻¹ b = ‖L⁻¹ b‖².
    const vector half = model::detail::cholesky(a).forward(b);
    CHECK(model::detail::dot(half, half) == doctest::Approx(model::detail::dot(b, x)));
  }
}

TEST_CASE("a singular matrix is solved where its equations have a solution") {
  matrix a(3, 3);  // of the first and second row's sum
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) a(i, j) = (i == 2 ? 2.0 : 1.0) * (j == 2 ? 2.0 : 1.0);
  const vector b{1, 1, 2};
  CHECK(distance(a * model::detail::ldlt(a).solve(b), b) < 1e-12);
  CHECK(distance(model::detail::ldlt(matrix(2, 2)).solve(vector{0, 0}), {0, 0}) == 0);
}

TEST_CASE("least squares find the bottom of a curved valley") {
  vector x{-1.2, 1};
  model::detail::minimise(valley{}, x, 1e-14, 200);
  CHECK(distance(x, {1, 1}) < 1e-9);
}

TEST_CASE("least squares find a minimum where parameters cannot be told apart") {
  vector x{-1.2, 1, 0.1};
  model::detail::minimise(valley{.doubled = true}, x, 1e-14, 500);
  CHECK(x[0] + x[2] == doctest::Approx(1));
  CHECK(x[1] == doctest::Approx(1));
}

TEST_CASE("least squares of noisy samples end where the gradient vanishes") {
  for (std::uint64_t k = 0; k < 50; ++k) {
    CAPTURE(k);
    stream s(5, k, "decay");
    boost::random::normal_distribution<double> normal;
    decay d;
    for (int i = 0; i < 30; ++i) {
      d.t.push_back(0.2 * i);
      d.y.push_back(3 * std::exp(-0.7 * d.t.back()) + 1 + 0.05 * normal(s));
    }
    vector x{1, 1, 0}, r(d.t.size());
    model::detail::minimise(d, x, 1e-14, 200);
    d.residuals(x, r);
    matrix j;
    d.jacobian(x, j);
    for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(model::detail::dot(j.column(c), r)) < 1e-6);
    CHECK(x[1] == doctest::Approx(0.7).epsilon(0.2));
  }
}
