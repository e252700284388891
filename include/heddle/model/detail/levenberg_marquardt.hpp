// Nonlinear least squares by the method of Levenberg and Marquardt.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <heddle/model/detail/dense.hpp>

namespace heddle::model::detail {

/// A P = Q R of an A with no fewer rows than columns, by Householder's reflections, the longest column
/// first. O(rows · columns²).
class pivoted_qr {
 public:
  explicit pivoted_qr(matrix a) : r_(std::move(a)), order_(r_.columns()), tau_(r_.columns()) {
    const std::size_t m = r_.rows(), n = r_.columns();
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    for (std::size_t k = 0; k < n; ++k) {
      std::size_t top = k;
      double longest = -1;
      for (std::size_t j = k; j < n; ++j)
        if (const double length = square_below(j, k); length > longest) longest = length, top = j;
      if (top != k) {
        for (std::size_t i = 0; i < m; ++i) std::swap(r_(i, k), r_(i, top));
        std::swap(order_[k], order_[top]);
      }
      const double tail = square_below(k, k + 1), head = r_(k, k);
      if (!(tail > std::numeric_limits<double>::min())) continue;
      const double beta = std::sqrt(head * head + tail) * (head >= 0 ? -1 : 1);
      for (std::size_t i = k + 1; i < m; ++i) r_(i, k) /= head - beta;
      tau_[k] = (beta - head) / beta;
      r_(k, k) = beta;
      for (std::size_t j = k + 1; j < n; ++j)
        reflect(k, [&](std::size_t i) -> double& { return r_(i, j); });
    }
  }

  [[nodiscard]] std::size_t size() const { return order_.size(); }
  /// Above the diagonal and on it. Column j is that of parameter `order(j)`.
  [[nodiscard]] double r(std::size_t i, std::size_t j) const { return r_(i, j); }
  [[nodiscard]] std::size_t order(std::size_t j) const { return order_[j]; }
  [[nodiscard]] std::size_t rank() const {
    double top = 0;
    for (std::size_t k = 0; k < size(); ++k) top = std::max(top, std::abs(r_(k, k)));
    const double least = top * std::numeric_limits<double>::epsilon() * static_cast<double>(size());
    std::size_t rank = 0;
    for (std::size_t k = 0; k < size(); ++k) rank += std::abs(r_(k, k)) > least;
    return rank;
  }
  /// The first entries of Qᵀ b, as many as there are columns.
  [[nodiscard]] vector rotated(vector b) const {
    for (std::size_t k = 0; k < size(); ++k)
      reflect(k, [&](std::size_t i) -> double& { return b[i]; });
    b.resize(size());
    return b;
  }

 private:
  [[nodiscard]] double square_below(std::size_t j, std::size_t from) const {
    double sum = 0;
    for (std::size_t i = from; i < r_.rows(); ++i) sum += r_(i, j) * r_(i, j);
    return sum;
  }
  template <class At>
  void reflect(std::size_t k, At at) const {
    if (tau_[k] == 0) return;
    double sum = at(k);
    for (std::size_t i = k + 1; i < r_.rows(); ++i) sum += r_(i, k) * at(i);
    sum *= tau_[k];
    at(k) -= sum;
    for (std::size_t i = k + 1; i < r_.rows(); ++i) at(i) -= sum * r_(i, k);
  }

  matrix r_;  // R on and above the diagonal, the reflections below
  std::vector<std::size_t> order_;
  vector tau_;
};

/// The step x that lowers ‖J x + f‖ most among those with ‖D x‖ about as large as `radius`: minimal for
/// ‖J x + f‖² + λ ‖D x‖², with λ found by Newton's method on ‖D x‖ and kept for the next call (Moré, The
/// Levenberg–Marquardt algorithm, 1978, section 5; MINPACK's lmpar).
class trust_region {
 public:
  /// \param qtf  the first entries of Qᵀ f
  trust_region(const pivoted_qr& qr, const vector& scale, const vector& qtf)
      : qr_(qr), scale_(scale), qtf_(qtf), n_(qr.size()) {}

  [[nodiscard]] vector step(double radius, double& lambda) const {
    constexpr double dwarf = std::numeric_limits<double>::min();
    const std::size_t rank = qr_.rank();
    vector z = qtf_;  // Gauss–Newton's step
    std::fill(z.begin() + static_cast<std::ptrdiff_t>(rank), z.end(), 0.0);
    for (std::size_t i = rank; i-- > 0;) {
      for (std::size_t j = i + 1; j < rank; ++j) z[i] -= qr_.r(i, j) * z[j];
      z[i] /= qr_.r(i, i);
    }
    vector x(n_);
    for (std::size_t j = 0; j < n_; ++j) x[qr_.order(j)] = z[j];
    double length = scaled(x), over = length - radius;
    if (over <= 0.1 * radius) {
      lambda = 0;
      return x;
    }
    double low = 0;
    if (rank == n_) {
      vector w = direction(x, length);
      for (std::size_t j = 0; j < n_; ++j) {
        for (std::size_t i = 0; i < j; ++i) w[j] -= qr_.r(i, j) * w[i];
        w[j] /= qr_.r(j, j);
      }
      low = over / radius / dot(w, w);
    }
    vector gradient(n_);
    for (std::size_t j = 0; j < n_; ++j) {
      for (std::size_t i = 0; i <= j; ++i) gradient[j] += qr_.r(i, j) * qtf_[i];
      gradient[j] /= scale_[qr_.order(j)];
    }
    const double slope = norm(gradient);
    double high = slope / radius;
    if (high == 0) high = dwarf / std::min(radius, 0.1);
    lambda = std::min(std::max(lambda, low), high);
    if (lambda == 0) lambda = slope / length;
    for (int turn = 1;; ++turn) {
      if (lambda == 0) lambda = std::max(dwarf, 0.001 * high);
      matrix s(n_, n_);
      x = damped(std::sqrt(lambda), s);
      length = scaled(x);
      const double before = std::exchange(over, length - radius);
      if (std::abs(over) <= 0.1 * radius || (low == 0 && over <= before && before < 0) ||
          turn == 10)
        return x;
      vector w = direction(x, length);
      for (std::size_t j = 0; j < n_; ++j) {
        w[j] /= s(j, j);
        for (std::size_t i = j + 1; i < n_; ++i) w[i] -= s(j, i) * w[j];
      }
      const double correction = over / radius / dot(w, w);
      if (over > 0) low = std::max(low, lambda);
      if (over < 0) high = std::min(high, lambda);
      lambda = std::max(low, lambda + correction);
    }
  }

 private:
  [[nodiscard]] double scaled(const vector& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < n_; ++i) sum += scale_[i] * x[i] * scale_[i] * x[i];
    return std::sqrt(sum);
  }
  [[nodiscard]] vector direction(const vector& x, double length) const {
    vector w(n_);
    for (std::size_t j = 0; j < n_; ++j) {
      const std::size_t p = qr_.order(j);
      w[j] = scale_[p] * (scale_[p] * x[p] / length);
    }
    return w;
  }
  /// The least-squares solution of R x = Qᵀ f over root · D x = 0. D is rotated into R, which becomes S.
  [[nodiscard]] vector damped(double root, matrix& s) const {
    for (std::size_t j = 0; j < n_; ++j)
      for (std::size_t i = 0; i <= j; ++i) s(i, j) = qr_.r(i, j);
    vector z = qtf_, row(n_);
    for (std::size_t j = 0; j < n_; ++j) {
      std::fill(row.begin() + static_cast<std::ptrdiff_t>(j), row.end(), 0.0);
      row[j] = root * scale_[qr_.order(j)];
      double rest = 0;  // of Qᵀ f, beyond its first entries
      for (std::size_t k = j; k < n_; ++k) {
        const double size = std::hypot(s(k, k), row[k]);
        if (size == 0) continue;
        const double c = s(k, k) / size, t = row[k] / size;
        s(k, k) = size;
        rest = c * rest - t * std::exchange(z[k], c * z[k] + t * rest);
        for (std::size_t i = k + 1; i < n_; ++i)
          row[i] = c * row[i] - t * std::exchange(s(k, i), c * s(k, i) + t * row[i]);
      }
    }
    vector x(n_);
    for (std::size_t i = n_; i-- > 0;) {
      for (std::size_t j = i + 1; j < n_; ++j) z[i] -= s(i, j) * z[j];
      z[i] /= s(i, i);
      x[qr_.order(i)] = z[i];
    }
    return x;
  }

  const pivoted_qr& qr_;
  const vector& scale_;
  const vector& qtf_;
  std::size_t n_;
};

/// Minimises Σ residual² from `x` on, which ends at the solution: MINPACK's lmder (Moré, Garbow and
/// Hillstrom, 1980). Of a `Problem` is wanted: values(), residuals(x, r), jacobian(x, j).
///
/// \param tolerance  relative, of Σ residual² and of x
/// \pre values() ≥ the size of x ≥ 1
template <class Problem>
void minimise(const Problem& problem, vector& x, double tolerance, int evaluations) {
  constexpr double first_bound = 10, epsilon = std::numeric_limits<double>::epsilon();
  const auto n = x.size();
  vector f(static_cast<std::size_t>(problem.values())), f_new(f.size()), scale(n);
  matrix j;
  problem.residuals(x, f);
  double size = norm(f), radius = 0, x_size = 0, lambda = 0;
  const auto scaled = [&](const vector& v) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += scale[i] * v[i] * scale[i] * v[i];
    return std::sqrt(sum);
  };
  bool first = true;
  for (int done = 1;;) {
    problem.jacobian(x, j);
    vector length(n);
    for (std::size_t k = 0; k < n; ++k) length[k] = norm(j.column(k));
    const pivoted_qr qr(j);
    if (first) {
      for (std::size_t k = 0; k < n; ++k) scale[k] = length[k] == 0 ? 1 : length[k];
      x_size = scaled(x);
      radius = x_size == 0 ? first_bound : first_bound * x_size;
    }
    const vector qtf = qr.rotated(f);
    double cosine = 0;  // the largest between f and a column
    for (std::size_t k = 0; size != 0 && k < n; ++k)
      if (const double l = length[qr.order(k)]; l != 0) {
        double sum = 0;
        for (std::size_t i = 0; i <= k; ++i) sum += qr.r(i, k) * (qtf[i] / size);
        cosine = std::max(cosine, std::abs(sum / l));
      }
    if (cosine <= 0) return;
    for (std::size_t k = 0; k < n; ++k) scale[k] = std::max(scale[k], length[k]);
    const trust_region region(qr, scale, qtf);
    for (double ratio = 0; ratio < 1e-4;) {
      vector p = region.step(radius, lambda), x_new = x;
      for (std::size_t k = 0; k < n; ++k) x_new[k] += p[k] = -p[k];
      const double step = scaled(p);
      if (first) radius = std::min(radius, step);
      problem.residuals(x_new, f_new);
      ++done;
      const double size_new = norm(f_new);
      const auto square = [](double v) { return v * v; };
      const double actual = 0.1 * size_new < size ? 1 - square(size_new / size) : -1;
      vector rp(n);
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = 0; i <= k; ++i) rp[i] += qr.r(i, k) * p[qr.order(k)];
      const double linear = square(norm(rp) / size);
      const double damping = square(std::sqrt(lambda) * step / size);
      const double predicted = linear + 2 * damping, slope = -(linear + damping);
      ratio = predicted != 0 ? actual / predicted : 0;
      if (ratio <= 0.25) {
        double factor = actual >= 0 ? 0.5 : 0.5 * slope / (slope + 0.5 * actual);
        if (0.1 * size_new >= size || factor < 0.1) factor = 0.1;
        radius = factor * std::min(radius, step / 0.1);
        lambda /= factor;
      } else if (lambda == 0 || ratio >= 0.75) {
        radius = step / 0.5;
        lambda *= 0.5;
      }
      if (ratio >= 1e-4) {
        x = x_new;
        f.swap(f_new);
        size = size_new;
        x_size = scaled(x);
        first = false;
      }
      const bool flat = std::abs(actual) <= tolerance && predicted <= tolerance && ratio <= 2;
      if (flat || radius <= tolerance * x_size) return;
      if (done >= evaluations) return;
      if (std::abs(actual) <= epsilon && predicted <= epsilon && ratio <= 2) return;
      if (radius <= epsilon * x_size || cosine <= epsilon) return;
    }
  }
}

}  // namespace heddle::model::detail
