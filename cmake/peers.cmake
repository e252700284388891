# Peers: libraries that solve a part of what heddle solves. Tests compare answers with them and
# benchmarks compare times in one process. All are optional and the library never needs one.
#
#   heddle_peers   interface target: includes, libraries and HEDDLE_HAS_<PEER>=1 of each peer found
#   HEDDLE_HAS_GLPK, HEDDLE_HAS_CBC (with CLP), HEDDLE_HAS_LEMON, HEDDLE_HAS_SIMGRID

option(HEDDLE_PEERS "Look for peers to compare with: GLPK, CBC, LEMON, SimGrid" ON)

add_library(heddle_peers INTERFACE)

# heddle_peer(<NAME> <header> <subdirectory of include> <library>...), a library before those it uses
function(heddle_peer name header subdirs)
  find_path(HEDDLE_${name}_INCLUDE ${header} PATH_SUFFIXES ${subdirs})
  mark_as_advanced(HEDDLE_${name}_INCLUDE)
  set(found ${HEDDLE_${name}_INCLUDE})
  set(libraries)
  foreach(library ${ARGN})
    find_library(HEDDLE_${name}_${library} ${library})
    mark_as_advanced(HEDDLE_${name}_${library})
    if(NOT HEDDLE_${name}_${library})
      set(found FALSE)
    endif()
    list(APPEND libraries ${HEDDLE_${name}_${library}})
  endforeach()
  if(found)
    message(STATUS "heddle: peer ${name} found")
    target_include_directories(heddle_peers SYSTEM INTERFACE ${HEDDLE_${name}_INCLUDE})
    target_link_libraries(heddle_peers INTERFACE ${libraries})
    target_compile_definitions(heddle_peers INTERFACE HEDDLE_HAS_${name}=1)
  else()
    message(STATUS "heddle: peer ${name} not found, comparisons with it are left out")
  endif()
endfunction()

# heddle_peer_sources(<source>...): LEMON 1.3's matchings call what C++20 took out of std::allocator, so
# sources named lemon_*.cpp are compiled as C++17. They wrap LEMON in plain functions, without heddle. Its nodes
# are copied before they are set, of which GCC warns.
function(heddle_peer_sources)
  set(sources ${ARGN})
  list(FILTER sources INCLUDE REGEX "/lemon_[^/]*$")
  set_source_files_properties(${sources} PROPERTIES
    COMPILE_OPTIONS "-std=c++17;$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>" SKIP_PRECOMPILE_HEADERS ON)
endfunction()

if(HEDDLE_PEERS)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    # A binary loads the peers that it uses, not all that were found.
    target_link_options(heddle_peers INTERFACE LINKER:--as-needed)
  endif()
  heddle_peer(GLPK glpk.h "" glpk)
  heddle_peer(CBC CbcModel.hpp coin CbcSolver Cbc Cgl OsiClp Clp Osi CoinUtils)
  heddle_peer(LEMON lemon/smart_graph.h "" lemon)
  heddle_peer(SIMGRID simgrid/s4u.hpp "" simgrid)
endif()
