// Dense matrices of a few rows and columns, for fits.
//
// A fit has at most 15 parameters and some hundred samples. For such sizes loops are as fast as a library
// of linear algebra, and whoever includes a fit does not compile one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace heddle::model::detail {

using vector = std::vector<double>;

[[nodiscard]] inline double dot(const vector& a, const vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}
[[nodiscard]] inline double norm(const vector& a) { return std::sqrt(dot(a, a)); }

/// A matrix, column by column, all zero at first.
class matrix {
 public:
  matrix() = default;
  matrix(std::size_t rows, std::size_t columns) : rows_(rows), values_(rows * columns) {}
  [[nodiscard]] static matrix identity(std::size_t n) {
    matrix m(n, n);
    for (std::size_t i = 0; i < n; ++i) m(i, i) = 1;
    return m;
  }

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return rows_ ? values_.size() / rows_ : 0; }
  [[nodiscard]] double& operator()(std::size_t i, std::size_t j) { return values_[i + j * rows_]; }
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const {
    return values_[i + j * rows_];
  }
  [[nodiscard]] vector column(std::size_t j) const {
    const auto from = values_.begin() + static_cast<std::ptrdiff_t>(j * rows_);
    return {from, from + static_cast<std::ptrdiff_t>(rows_)};
  }

  matrix& operator*=(double factor) {
    for (double& x : values_) x *= factor;
    return *this;
  }
  /// Adds factor · b.
  matrix& add(double factor, const matrix& b) {
    for (std::size_t k = 0; k < values_.size(); ++k) values_[k] += factor * b.values_[k];
    return *this;
  }
  [[nodiscard]] friend vector operator*(const matrix& a, const vector& x) {
    vector y(a.rows());
    for (std::size_t j = 0; j < x.size(); ++j)
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += a(i, j) * x[j];
    return y;
  }

 private:
  std::size_t rows_ = 0;
  vector values_;
};

/// Aᵀ A of the rows [from, to) of A.
[[nodiscard]] inline matrix normal_of(const matrix& a, std::size_t from, std::size_t to) {
  matrix m(a.columns(), a.columns());
  for (std::size_t j = 0; j < a.columns(); ++j)
    for (std::size_t i = 0; i <= j; ++i) {
      double sum = 0;
      for (std::size_t r = from; r < to; ++r) sum += a(r, i) * a(r, j);
      m(i, j) = m(j, i) = sum;
    }
  return m;
}

/// P A Pᵀ = L D Lᵀ of a symmetric, semidefinite A, the largest pivot first. O(n³).
class ldlt {
 public:
  explicit ldlt(matrix a) : l_(std::move(a)), order_(l_.rows()) {
    const std::size_t n = l_.rows();
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t k = 0; k < n; ++k) {
      std::size_t top = k;
      for (std::size_t i = k + 1; i < n; ++i)
        if (std::abs(l_(i, i)) > std::abs(l_(top, top))) top = i;
      if (top != k) {
        for (std::size_t i = 0; i < n; ++i) std::swap(l_(i, k), l_(i, top));
        for (std::size_t j = 0; j < n; ++j) std::swap(l_(k, j), l_(top, j));
        std::swap(order_[k], order_[top]);
      }
      const double d = l_(k, k);
      for (std::size_t i = k + 1; i < n; ++i) l_(k, i) = l_(i, k);  // D·L for the update below
      if (d != 0)
        for (std::size_t i = k + 1; i < n; ++i) l_(i, k) /= d;
      for (std::size_t j = k + 1; j < n; ++j)
        for (std::size_t i = k + 1; i < n; ++i) l_(i, j) -= l_(i, k) * l_(k, j);
    }
  }

  /// x of A x = b; of a singular A one of least effort.
  [[nodiscard]] vector solve(const vector& b) const {
    const std::size_t n = l_.rows();
    vector y(n), x(n);
    for (std::size_t i = 0; i < n; ++i) {
      y[i] = b[order_[i]];
      for (std::size_t j = 0; j < i; ++j) y[i] -= l_(i, j) * y[j];
    }
    for (std::size_t i = 0; i < n; ++i)
      y[i] = std::abs(l_(i, i)) > std::numeric_limits<double>::min() ? y[i] / l_(i, i) : 0;
    for (std::size_t i = n; i-- > 0;) {
      for (std::size_t j = i + 1; j < n; ++j) y[i] -= l_(j, i) * y[j];
      x[order_[i]] = y[i];
    }
    return x;
  }
  /// A⁻¹ B.
  [[nodiscard]] matrix solve(const matrix& b) const {
    matrix x(b.rows(), b.columns());
    for (std::size_t j = 0; j < b.columns(); ++j) {
      const vector column = solve(b.column(j));
      for (std::size_t i = 0; i < column.size(); ++i) x(i, j) = column[i];
    }
    return x;
  }
  [[nodiscard]] matrix inverse() const { return solve(matrix::identity(l_.rows())); }

 private:
  matrix l_;  // D on the diagonal, L below; what stands above is of no use
  std::vector<std::size_t> order_;
};

/// L of A = L Lᵀ, A positive definite. O(n³).
class cholesky {
 public:
  explicit cholesky(matrix a) : l_(std::move(a)) {
    const std::size_t n = l_.rows();
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < j; ++k)
        for (std::size_t i = j; i < n; ++i) l_(i, j) -= l_(i, k) * l_(j, k);
      const double root = std::sqrt(l_(j, j));
      for (std::size_t i = j; i < n; ++i) l_(i, j) /= root;
    }
  }

  /// L⁻¹ b.
  [[nodiscard]] vector forward(vector b) const {
    for (std::size_t i = 0; i < b.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) b[i] -= l_(i, j) * b[j];
      b[i] /= l_(i, i);
    }
    return b;
  }

 private:
  matrix l_;  // what stands above the diagonal is of no use
};

}  // namespace heddle::model::detail
