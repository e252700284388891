# Compiles heddle-simulate with another compiler and compares what both programs write.
if(NOT compiler)
  message("[skipped] there is no second compiler (Debian: clang-19)")
  return()
endif()
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})

set(includes)
foreach(dir IN LISTS eigen)
  list(APPEND includes -isystem ${dir})
endforeach()
# As one unit: most of the time goes into what all of them include.
file(GLOB sources ${root}/examples/simulate/*.cpp ${root}/examples/common/*.cpp)
set(unit "")
foreach(source IN LISTS sources)
  string(APPEND unit "#include \"${source}\"\n")
endforeach()
file(WRITE ${work}/all.cpp "${unit}")
execute_process(
  COMMAND ${compiler} -std=c++20 -O1 -ffp-contract=off -I ${root}/include -I ${root}/examples
    ${includes} ${work}/all.cpp ${links} -o ${work}/other
  RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "${compiler} does not compile heddle-simulate:\n${said}")
endif()

# A trace with every size up to half the cluster, and gaps that are no round numbers.
set(jobs "job_id,submit_s,gpus,duration_s\n")
set(submit 0)
foreach(i RANGE 0 799)
  math(EXPR submit "${submit} + (${i} * 7919) % 97")
  math(EXPR gpus "1 + (${i} * 104729) % 255")
  math(EXPR duration "100 + (${i} * 15485863) % 9001")
  string(APPEND jobs "${i},${submit}.37,${gpus},${duration}.11\n")
endforeach()
file(WRITE ${work}/jobs.csv "${jobs}")
file(WRITE ${work}/cluster.json [[{"fabric": "leaf_spine", "leafs": 16, "spines": 32,
  "servers_per_leaf": 4, "gpus_per_server": 8}]])

# The last of these is used once more below.
set(last "--workload;vclos_mixed;--place;packed;--order;least_attained;--preempt;--backfill;easy;--off-after-s;200")
foreach(options
    "--workload;vclos_mixed;--place;packed;--route;ecmp"
    "--workload;vclos;--place;vclos;--order;shortest"
    "--workload;powerflow;--place;vclos;--allocate;powerflow;--power-budget-w;150000"
    "${last}")
  foreach(which program other)
    set(command ${program})
    if(which STREQUAL other)
      set(command ${work}/other)
    endif()
    execute_process(
      COMMAND ${command} --cluster ${work}/cluster.json --jobs ${work}/jobs.csv ${options}
        --report ${work}/${which}.json --per-job ${work}/${which}.jobs
        --timeline ${work}/${which}.timeline --decisions ${work}/${which}.log
      RESULT_VARIABLE failed ERROR_VARIABLE said)
    if(failed)
      message(FATAL_ERROR "${command} failed with ${options}: ${said}")
    endif()
    file(READ ${work}/${which}.json report)
    string(REGEX REPLACE "\"decide_us_p[0-9]+\": [^,\n]*" "" report "${report}")
    file(WRITE ${work}/${which}.json "${report}")
  endforeach()
  foreach(file json jobs timeline log)
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${work}/program.${file}
      ${work}/other.${file} RESULT_VARIABLE differs)
    if(differs)
      message(FATAL_ERROR "the ${file} of both compilers differ with ${options}")
    endif()
  endforeach()
endforeach()

# A log that one compiler's program wrote, cut in the middle, is gone on with by the other's.
file(READ ${work}/program.log log)
string(LENGTH "${log}" length)
math(EXPR half "${length} / 2")
string(SUBSTRING "${log}" 0 ${half} log)
file(WRITE ${work}/other.log "${log}")
execute_process(
  COMMAND ${work}/other --cluster ${work}/cluster.json --jobs ${work}/jobs.csv ${last} --resume
    --decisions ${work}/other.log --report ${work}/other.json --per-job ${work}/other.jobs
  RESULT_VARIABLE failed ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "the other compiler's program does not go on with the log: ${said}")
endif()
foreach(file log jobs)
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${work}/program.${file}
    ${work}/other.${file} RESULT_VARIABLE differs)
  if(differs)
    message(FATAL_ERROR "the ${file} differs after the other compiler's program went on")
  endif()
endforeach()
message("the programs of both compilers write the same bytes")
