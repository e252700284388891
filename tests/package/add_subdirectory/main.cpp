#include <heddle/version.hpp>
#if __has_include(<heddle/heddle.hpp>)
#include <heddle/heddle.hpp>
#endif

#include <cstdio>

int main() { std::printf("heddle %s\n", heddle::version); }
