# cmake -D COMPILER= -D SOURCE_DIR= -D WORK_DIR= -D INCLUDES= -P forgotten_collective.cmake
#
# A collective that is added to the list and forgotten in the one switch from names to sources must
# not compile, whatever warnings are asked for: it would pass for another, and be proved isolated as
# that.
cmake_minimum_required(VERSION 3.25)

file(READ ${SOURCE_DIR}/include/heddle/core/collective.hpp text)
string(REPLACE "  pipeline,  " "  pipeline, forgotten,  " changed "${text}")
if(changed STREQUAL text)
  message(FATAL_ERROR "no enumerator pipeline in core/collective.hpp to put another behind")
endif()
file(WRITE ${WORK_DIR}/heddle/core/collective.hpp "${changed}")
file(WRITE ${WORK_DIR}/forgotten.cpp "#include <heddle/traffic/collectives.hpp>\n")

list(TRANSFORM INCLUDES PREPEND -I)
set(command ${COMPILER} -std=c++20 -fsyntax-only -fdiagnostics-color=never)
execute_process(COMMAND ${command} ${INCLUDES} ${WORK_DIR}/forgotten.cpp
  RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "does not compile as it is:\n${output}")
endif()
execute_process(COMMAND ${command} -I${WORK_DIR} ${INCLUDES} ${WORK_DIR}/forgotten.cpp
  RESULT_VARIABLE status ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "a collective that is forgotten in the switch compiles")
endif()
if(NOT output MATCHES "error: enumeration value '?[^ ]*forgotten[^ ]*'? not handled in switch")
  message(FATAL_ERROR "is refused, but not for the switch:\n${output}")
endif()

# Nor may any other header have a switch over collectives that a new one would pass through.
file(GLOB_RECURSE headers ${SOURCE_DIR}/include/*.hpp ${SOURCE_DIR}/examples/*.?pp)
foreach(header IN LISTS headers)
  file(READ ${header} text)
  if(text MATCHES "case collective::" AND text MATCHES "default:")
    message(FATAL_ERROR "${header}: a switch over collectives has no default")
  endif()
endforeach()
