#include <heddle/version.hpp>
#if __has_include(<heddle/heddle.hpp>)
#include <heddle/heddle.hpp>
#endif

#include <cstring>

const char* version_of_the_other_unit();

int main() { return std::strcmp(heddle::version, version_of_the_other_unit()); }
