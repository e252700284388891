// Networks that are small enough to look at every state.
#pragma once

#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"

namespace heddle::test {

/// Two to six leafs of at most eight GPUs, two to eight spines, one or two links between them.
inline fabric::leaf_spine random_network(dice& d) {
  return fabric::leaf_spine{{.leafs = d.between(2, 6),
                             .spines = d.between(2, 8),
                             .links_per_pair = d.between(1, 2),
                             .servers_per_leaf = d.between(1, 2),
                             .gpus_per_server = d.between(1, 4)}};
}

}  // namespace heddle::test
