# cmake -D SOURCE= -D BINARY= -D PREFIX= ... -P consume.cmake: see CMakeLists.txt beside this file.
# Configures, builds and runs the project in SOURCE; with MUST_FAIL_WITH set, configuring it must
# stop with that message instead.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${BINARY})  # nothing found by an earlier run may help this one
execute_process(
  COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR}
    -D CMAKE_CXX_COMPILER=${COMPILER}
    -D CMAKE_PREFIX_PATH=${PREFIX}
    -D Eigen3_DIR=${EIGEN3_DIR}
    -D Boost_DIR=${BOOST_DIR}
    -D HEDDLE_SOURCE=${HEDDLE_SOURCE}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)

if(MUST_FAIL_WITH)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")  # CMake folds its messages
  if(status EQUAL 0)
    message(FATAL_ERROR "was configured, but must stop with: ${MUST_FAIL_WITH}\n${output}")
  elseif(NOT output MATCHES "${MUST_FAIL_WITH}")
    message(FATAL_ERROR "stopped, but not with: ${MUST_FAIL_WITH}\n${output}")
  endif()
  return()
endif()
if(NOT status EQUAL 0)
  message(FATAL_ERROR "cannot be configured:\n${output}")
endif()

execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${BINARY}/consumer COMMAND_ERROR_IS_FATAL ANY)
