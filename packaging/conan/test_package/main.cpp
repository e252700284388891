#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/version.hpp>

#include <cstdio>

int main() {
  const heddle::fabric::leaf_spine dc{{.leafs = 4}};
  std::printf("heddle %s, a network of %d GPUs\n", heddle::version, dc.gpus());
}
