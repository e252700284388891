// For which traffic a job's own links are enough.
#pragma once

namespace heddle::place {

enum class isolated_for : unsigned char {
  any,       ///< every phase of every collective: any partial permutation of its ranks
  declared,  ///< the collectives that its request names, one at a time, and no others
};

}  // namespace heddle::place
