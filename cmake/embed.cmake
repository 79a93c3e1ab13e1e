# Turns the text files IN, one after the other, into a C header OUT that defines `static const unsigned char NAME[]`
# (NUL-terminated) and NAME_len.
set(HEX "")
foreach(PART ${IN})
  file(READ ${PART} PART_HEX HEX)
  string(APPEND HEX "${PART_HEX}")
endforeach()
string(LENGTH "${HEX}" HEXLEN)
math(EXPR BYTES "${HEXLEN} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," BODY "${HEX}")
file(WRITE ${OUT} "/* Generated from ${IN}. */\nstatic const unsigned char ${NAME}[] = {${BODY}0x00};\nstatic const unsigned int ${NAME}_len = ${BYTES};\n")
