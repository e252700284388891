# cmake -D PREFIX= -D COMPILER= -D PKG_CONFIG= -D SOURCE=<main.cpp> -D BINARY=<directory>
#       -P pkg_config.cmake
# Compiles and runs a program with nothing but what pkg-config says of the installed tree.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${BINARY})
file(MAKE_DIRECTORY ${BINARY})
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/share/pkgconfig:$ENV{PKG_CONFIG_PATH}")
execute_process(COMMAND ${PKG_CONFIG} --exists --print-errors heddle COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PKG_CONFIG} --cflags --libs heddle
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PKG_CONFIG} --modversion heddle
  OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND ${COMPILER} -std=c++20 ${flags} ${SOURCE} -o ${BINARY}/consumer
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${BINARY}/consumer OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
if(NOT said STREQUAL "heddle ${version}\n")
  message(FATAL_ERROR "the program says '${said}', pkg-config says version ${version}")
endif()
