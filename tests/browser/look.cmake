# Runs COMMAND, which writes the page OUT/PAGE, and looks at it with CHROMIUM on a wide and a narrow
# screen, in light and in dark.
if(NOT CHROMIUM)
  message("[skipped] no Chromium")
  return()
endif()
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE said)
if(status)
  message(FATAL_ERROR "${COMMAND}: ${said}")
endif()
configure_file(${FRAME} ${OUT}/frame.html COPYONLY)

function(look name size scheme ground)
  execute_process(
    COMMAND ${CHROMIUM} --headless --no-sandbox --disable-gpu --disable-dev-shm-usage
      --allow-file-access-from-files --enable-logging=stderr --log-level=0
      --user-data-dir=${OUT}/profile --window-size=${size} --blink-settings=preferredColorScheme=${scheme}
      --virtual-time-budget=10000 --dump-dom file://${OUT}/frame.html\#${PAGE}
    RESULT_VARIABLE status OUTPUT_VARIABLE dom ERROR_VARIABLE log TIMEOUT 60)
  if(status)
    if(log MATCHES "CONSOLE|${PAGE}")
      message(FATAL_ERROR "${name}: the browser failed: ${log}")
    endif()
    message("[skipped] Chromium does not run here: ${status}")
    return()
  endif()
  string(REGEX MATCH "<pre id=\"found\">([^<]*)</pre>" found "${dom}")
  set(found "${CMAKE_MATCH_1}")
  message("${name}: ${found}")
  if(NOT found MATCHES "all well$")
    message(SEND_ERROR "${name}: expected a page without faults")
  elseif(NOT found MATCHES "sections [1-9]")
    message(SEND_ERROR "${name}: expected sections")
  elseif(NOT found MATCHES "ground rgb\\(${ground}")
    message(SEND_ERROR "${name}: expected the ground rgb(${ground}…)")
  endif()
  if(log MATCHES "CONSOLE[^\n]*")
    message(SEND_ERROR "${name}: ${CMAKE_MATCH_0}")
  endif()
endfunction()

look("wide, light" 1280,900 1 "255")
look("wide, dark" 1280,900 0 "20")
look("narrow, light" 390,844 1 "255")
look("narrow, dark" 390,844 0 "20")
