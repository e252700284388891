// What the parts of a cluster draw, all of them something.
#pragma once

#include <heddle/fabric/power.hpp>

namespace heddle::test {

inline constexpr fabric::base_power watts{.gpu_idle_w = 50,
                                          .server_w = 400,
                                          .server_off_w = 20,
                                          .wake_s = 100,
                                          .wake_j = 30000,
                                          .switch_w = 300,
                                          .ocs_w = 40};

}  // namespace heddle::test
