# Reading text files by lines in CMake script, where ; [ ] and \ mean something in lists.

string(ASCII 1 HEDDLE_SEMICOLON)
string(ASCII 2 HEDDLE_OPEN)
string(ASCII 3 HEDDLE_CLOSE)
string(ASCII 4 HEDDLE_BACKSLASH)

# The file's lines as a list, each with those characters replaced.
function(read_lines file out)
  file(READ ${file} text)
  string(REPLACE "\\" "${HEDDLE_BACKSLASH}" text "${text}")
  string(REPLACE ";" "${HEDDLE_SEMICOLON}" text "${text}")
  string(REPLACE "[" "${HEDDLE_OPEN}" text "${text}")
  string(REPLACE "]" "${HEDDLE_CLOSE}" text "${text}")
  string(REPLACE "\n" ";" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

# The characters as they were.
function(decode text out)
  string(REPLACE "${HEDDLE_BACKSLASH}" "\\" text "${text}")
  string(REPLACE "${HEDDLE_SEMICOLON}" ";" text "${text}")
  string(REPLACE "${HEDDLE_OPEN}" "[" text "${text}")
  string(REPLACE "${HEDDLE_CLOSE}" "]" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()
