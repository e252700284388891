# cmake -D INCLUDE_DIR=<directory that holds heddle/> -P check.cmake
#
# Every header has #pragma once and at most 600 lines, stands in a known room, and includes only
# headers of its own room or of one earlier in the list.
cmake_minimum_required(VERSION 3.25)

set(rooms core model fabric traffic route optical order choice share allocate place schedule sim trace)
set(line_limit 600)

file(GLOB_RECURSE headers RELATIVE ${INCLUDE_DIR}/heddle ${INCLUDE_DIR}/heddle/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "no header under ${INCLUDE_DIR}/heddle")
endif()

# The place of a header in the order, as `rank`: version.hpp and fwd.hpp may be included by all and
# include nothing but one another; heddle.hpp may include all and be included by none.
function(rank_of header)
  if(header MATCHES "^([^/]+)/")
    list(FIND rooms ${CMAKE_MATCH_1} rank)
    if(rank EQUAL -1)
      set(rank unknown)
    endif()
  elseif(header STREQUAL "heddle.hpp")
    set(rank 100)
  else()
    set(rank -1)
  endif()
  set(rank ${rank} PARENT_SCOPE)
endfunction()

set(faults "")
foreach(header IN LISTS headers)
  cmake_path(GET header PARENT_PATH room)
  string(REGEX REPLACE "/.*" "" room "${room}")
  rank_of(${header})
  set(own_rank ${rank})
  if(own_rank STREQUAL "unknown")
    string(APPEND faults "${header}: ${room} is no room\n")
    continue()
  endif()

  file(READ ${INCLUDE_DIR}/heddle/${header} text)
  if(NOT text MATCHES "(^|\n)#pragma once\n")
    string(APPEND faults "${header}: has no #pragma once\n")
  endif()
  string(REGEX REPLACE "[^\n]" "" newlines "${text}")
  string(LENGTH "${newlines}" lines)
  if(lines GREATER line_limit)
    string(APPEND faults "${header}: has ${lines} lines, the limit is ${line_limit}\n")
  endif()

  file(STRINGS ${INCLUDE_DIR}/heddle/${header} includes REGEX "^[ \t]*#[ \t]*include[ \t]")
  foreach(line IN LISTS includes)
    if(line MATCHES "\"([^\"]+)\"")
      string(APPEND faults "${header}: write <heddle/...> instead of \"${CMAKE_MATCH_1}\"\n")
    elseif(line MATCHES "<heddle/([^>]+)>")
      set(included ${CMAKE_MATCH_1})
      rank_of(${included})
      if(included STREQUAL "heddle.hpp")
        string(APPEND faults "${header}: includes the umbrella\n")
      elseif(rank STREQUAL "unknown" OR rank GREATER own_rank)
        string(APPEND faults "${header}: ${room} may not include heddle/${included}\n")
      endif()
    endif()
  endforeach()
endforeach()

if(faults)
  # One line for each fault: message() would fold them.
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${faults}")
  message(FATAL_ERROR "headers break the rules of the rooms")
endif()
