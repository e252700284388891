# cmake -D BUILD_DIR= -D PREFIX= -P install.cmake: installs into an empty prefix.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${PREFIX}
  COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
if(NOT EXISTS ${PREFIX}/include/heddle/version.hpp)
  message(FATAL_ERROR "the installed tree has no include/heddle/version.hpp")
endif()
