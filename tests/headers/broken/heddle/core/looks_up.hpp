// Breaks a rule on purpose: core stands below sim.
#pragma once

#include <heddle/sim/unguarded.hpp>
