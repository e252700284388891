// Breaks two rules on purpose: it has no guard and includes everything.
#include <heddle/heddle.hpp>
