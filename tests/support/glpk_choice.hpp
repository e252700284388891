// A choice of operating points as GLPK takes it. For sources that have HEDDLE_HAS_GLPK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <glpk.h>

#include <heddle/choice/choice.hpp>

namespace heddle::test {

/// A row a job and a row a resource, a binary column a point. To be deleted by `glp_delete_prob`.
inline glp_prob* glpk_of(const choice::problem& p) {
  glp_term_out(GLP_OFF);
  glp_prob* lp = glp_create_prob();
  glp_set_obj_dir(lp, GLP_MAX);
  const int jobs = static_cast<int>(p.jobs()), resources = static_cast<int>(p.resources());
  glp_add_rows(lp, jobs + resources);
  glp_add_cols(lp, static_cast<int>(p.value.size()));
  std::vector<int> row{0}, column{0};
  std::vector<double> element{0};
  for (int i = 0; i < jobs; ++i) {
    glp_set_row_bnds(lp, i + 1, p.require_one ? GLP_FX : GLP_UP, 1, 1);
    for (std::uint32_t k = p.begin[static_cast<std::size_t>(i)];
         k < p.begin[static_cast<std::size_t>(i) + 1]; ++k) {
      const int c = static_cast<int>(k) + 1;
      glp_set_obj_coef(lp, c, p.value[k]);
      glp_set_col_kind(lp, c, GLP_BV);
      row.push_back(i + 1);
      column.push_back(c);
      element.push_back(1);
      for (int r = 0; r < resources; ++r) {
        row.push_back(jobs + r + 1);
        column.push_back(c);
        element.push_back(p.use[k * p.resources() + static_cast<std::size_t>(r)]);
      }
    }
  }
  for (int r = 0; r < resources; ++r)
    glp_set_row_bnds(lp, jobs + r + 1, GLP_UP, 0, p.capacity[static_cast<std::size_t>(r)]);
  glp_load_matrix(lp, static_cast<int>(row.size()) - 1, row.data(), column.data(), element.data());
  return lp;
}

}  // namespace heddle::test
