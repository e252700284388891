# cmake -D COMPILER= -D SOURCE= -D INCLUDES= -P check.cmake: see CMakeLists.txt beside this file.
cmake_minimum_required(VERSION 3.25)

# Read here, not at configure time: an edited expectation counts at once.
file(READ ${SOURCE} text)
if(NOT text MATCHES "^// expect: ([^\n]+)\n")
  message(FATAL_ERROR "${SOURCE}: the first line must be \"// expect: <regular expression>\"")
endif()
set(expected "${CMAKE_MATCH_1}")

list(TRANSFORM INCLUDES PREPEND -I)
set(command ${COMPILER} -std=c++20 -fsyntax-only -fdiagnostics-color=never ${INCLUDES})

execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "compiles, but must be refused with: ${expected}")
endif()

# What the reader sees first of their own code, and the ten lines after it.
string(REPLACE ";" "," lines "${output}")
string(REGEX REPLACE "[][]" "|" lines "${lines}")  # brackets would join the items of a list
string(REPLACE "\n" ";" lines "${lines}")
cmake_path(GET SOURCE FILENAME name)
set(first -1)
set(seen)
foreach(line IN LISTS lines)
  if(first LESS 0 AND line MATCHES "${name}:[0-9]+")
    set(first 0)
  endif()
  if(first GREATER_EQUAL 0 AND first LESS_EQUAL 10)
    string(APPEND seen "${line}\n")
    math(EXPR first "${first} + 1")
  endif()
endforeach()
if(NOT seen MATCHES "${expected}")
  message(FATAL_ERROR
    "is refused, but not within ten lines of the first that names ${name} with: ${expected}\n${output}")
endif()
