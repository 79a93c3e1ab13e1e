# Run by cpack between installing into its folder and packing it: every program gets its functions' names (packaging/deb/mini-debuginfo.sh).
file(GLOB_RECURSE PROGRAMS ${CPACK_TEMPORARY_DIRECTORY}/usr/bin/* ${CPACK_TEMPORARY_DIRECTORY}/usr/libexec/*)
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../packaging/deb/mini-debuginfo.sh ${PROGRAMS} COMMAND_ERROR_IS_FATAL ANY)
