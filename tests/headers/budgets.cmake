# cmake -D COMPILER=<g++> -D "INCLUDES=<dirs>" -D ROOT=<tree> -D BUDGETS=<file> -P budgets.cmake
#
# What it costs to include a header or to compile a program stays within its budget. Counted is what does
# not depend on the machine: lines after preprocessing, and what the compiler allocates (-ftime-report),
# which grows with what is parsed, instantiated and generated. Both depend on the compiler and its library:
# the budgets are those of GCC 12.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${COMPILER} -dumpfullversion -dumpversion OUTPUT_VARIABLE version
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND ${COMPILER} --version OUTPUT_VARIABLE kind ERROR_QUIET)
if(kind MATCHES "clang" OR NOT version MATCHES "^12\\.")
  message("[skipped] the budgets are those of GCC 12, this is ${COMPILER} ${version}")
  return()
endif()
set(flags -std=c++20 -x c++)
foreach(dir IN LISTS INCLUDES)
  string(REGEX REPLACE "^\\$<BUILD_INTERFACE:(.*)>$" "\\1" dir "${dir}")
  if(IS_DIRECTORY "${dir}")
    list(APPEND flags -I ${dir})
  endif()
endforeach()
list(PREPEND flags -I ${ROOT}/include)

set(faults "")
file(STRINGS ${BUDGETS} rows REGEX "^(lines|memory) ")
foreach(row IN LISTS rows)
  string(REGEX MATCHALL "[^ ]+" row "${row}")
  list(GET row 0 what)
  list(GET row 1 name)
  list(GET row 2 budget)
  if(NOT EXISTS ${ROOT}/${name})
    string(APPEND faults "${name}: has a budget and is not there\n")
    continue()
  endif()
  if(what STREQUAL "lines")
    execute_process(COMMAND ${COMPILER} ${flags} -E -P ${ROOT}/${name} OUTPUT_VARIABLE text
      RESULT_VARIABLE failed ERROR_VARIABLE said)
    string(LENGTH "${text}" whole)
    string(REPLACE "\n" "" text "${text}")
    string(LENGTH "${text}" rest)
    math(EXPR used "${whole} - ${rest}")
    set(unit "lines after preprocessing")
  else()
    execute_process(COMMAND ${COMPILER} ${flags} -O0 -S -o - -ftime-report ${ROOT}/${name}
      OUTPUT_QUIET RESULT_VARIABLE failed ERROR_VARIABLE said)
    string(REGEX MATCH "TOTAL[^\n]* ([0-9]+)M" total "${said}")
    set(used "${CMAKE_MATCH_1}")
    set(unit "MB allocated by the compiler")
  endif()
  if(failed OR used STREQUAL "")
    string(APPEND faults "${name}: does not compile\n${said}\n")
  elseif(used GREATER budget)
    string(APPEND faults "${name}: outgrew its budget: ${used} ${unit}, the budget is ${budget}\n")
  else()
    execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${name}: ${used} of ${budget} ${unit}")
  endif()
endforeach()

if(faults)
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${faults}")
  message(FATAL_ERROR "compile cost is over budget (${BUDGETS})")
endif()
