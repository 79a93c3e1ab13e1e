# Turns a text file IN into a C header OUT that defines `static const unsigned char NAME[]` (NUL-terminated) and NAME_len.
file(READ ${IN} HEX HEX)
string(LENGTH "${HEX}" HEXLEN)
math(EXPR BYTES "${HEXLEN} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," BODY "${HEX}")
file(WRITE ${OUT} "/* Generated from ${IN}. */\nstatic const unsigned char ${NAME}[] = {${BODY}0x00};\nstatic const unsigned int ${NAME}_len = ${BYTES};\n")
