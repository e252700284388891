# Every header and every numbered example compiles with Clang and libc++: one unit holds them all, and its
# syntax is checked.
if(NOT compiler)
  message("[skipped] there is no Clang (Debian: clang-19)")
  return()
endif()
file(MAKE_DIRECTORY ${work})
file(WRITE ${work}/probe.cpp "#include <vector>\n")
execute_process(COMMAND ${compiler} -std=c++20 -stdlib=libc++ -fsyntax-only ${work}/probe.cpp
  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if(failed)
  message("[skipped] ${compiler} has no libc++ (Debian: libc++-19-dev libc++abi-19-dev)")
  return()
endif()

set(includes)
foreach(dir IN LISTS eigen)
  list(APPEND includes -isystem ${dir})
endforeach()
file(GLOB_RECURSE headers RELATIVE ${root}/include ${root}/include/heddle/*.hpp)
file(GLOB examples ${root}/examples/[0-9]*.cpp)
set(unit "")
foreach(header IN LISTS headers)
  string(APPEND unit "#include <${header}>\n")
endforeach()
# What an example includes stands before it, so that its own includes change nothing within the namespace.
foreach(example IN LISTS examples)
  file(STRINGS ${example} lines REGEX "^#include <")
  list(JOIN lines "\n" lines)
  string(APPEND unit "${lines}\n")
endforeach()
foreach(example IN LISTS examples)
  cmake_path(GET example STEM name)
  string(APPEND unit "namespace example_${name} {\n#include \"${example}\"\n}\n")
endforeach()
file(WRITE ${work}/all.cpp "${unit}")
execute_process(
  COMMAND ${compiler} -std=c++20 -stdlib=libc++ -fsyntax-only -I ${root}/include ${includes}
    ${work}/all.cpp
  RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "not everything compiles with ${compiler} and libc++:\n${said}")
endif()
message("all headers and examples compile with ${compiler} and libc++")
