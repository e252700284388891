# cmake -D COMPILER= -D SOURCES= -D WORK_DIR= -D INCLUDES= -P mended.cmake
#
# All programs that must be refused compile with HEDDLE_MAKE_VALID defined: one unit holds them, each in a
# namespace of its own. So what they include is compiled once.
cmake_minimum_required(VERSION 3.25)

set(includes)
set(programs)
foreach(source IN LISTS SOURCES)
  cmake_path(GET source STEM name)
  file(STRINGS ${source} lines REGEX "^#include <")
  list(APPEND includes ${lines})
  string(APPEND programs "namespace ${name} {\n#include \"${source}\"\n}\n")
endforeach()
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)
file(WRITE ${WORK_DIR}/all.cpp "${includes}\n#define HEDDLE_MAKE_VALID\n${programs}")

list(TRANSFORM INCLUDES PREPEND -I)
execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -fdiagnostics-color=never ${INCLUDES}
    ${WORK_DIR}/all.cpp
  RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "does not compile with HEDDLE_MAKE_VALID defined:\n${output}")
endif()
