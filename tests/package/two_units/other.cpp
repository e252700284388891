#include <heddle/version.hpp>
#if __has_include(<heddle/heddle.hpp>)
#include <heddle/heddle.hpp>
#endif

const char* version_of_the_other_unit() { return heddle::version; }
