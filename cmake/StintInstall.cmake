# FHS places: programs a person runs in bin, programs stint runs in libexec/stint. The manual pages and the completion are written by the
# program itself, from the tables it reads its arguments with.
install(TARGETS stint RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
install(TARGETS stint-supervisor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
install(TARGETS stint-worker stint-parser stint-fetch stint-relay stint-backtrace stint-console RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/stint COMPONENT programs)
install(FILES README.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs PATTERN man EXCLUDE)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY monitoring DESTINATION ${CMAKE_INSTALL_DATADIR}/stint)
file(GLOB UNITS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/systemd/*.service ${CMAKE_SOURCE_DIR}/systemd/*.slice ${CMAKE_SOURCE_DIR}/systemd/*.timer)
install(FILES ${UNITS} DESTINATION lib/systemd/system)
install(FILES systemd/stint.sysusers DESTINATION lib/sysusers.d RENAME stint.conf)
install(FILES systemd/stint.tmpfiles DESTINATION lib/tmpfiles.d RENAME stint.conf)

set(MANUAL ${CMAKE_BINARY_DIR}/generated/man)
file(MAKE_DIRECTORY ${MANUAL})
add_custom_command(OUTPUT ${MANUAL}/stint.1.gz ${MANUAL}/stint.conf.5.gz ${MANUAL}/stint-supervisor.8.gz ${MANUAL}/stint-console.8.gz ${MANUAL}/stint.bash
  COMMAND stint manual stint >${MANUAL}/stint.1
  COMMAND stint manual stint.conf >${MANUAL}/stint.conf.5
  COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/docs/man/stint-supervisor.8 ${CMAKE_SOURCE_DIR}/docs/man/stint-console.8 ${MANUAL}
  COMMAND gzip -9nf ${MANUAL}/stint.1 ${MANUAL}/stint.conf.5 ${MANUAL}/stint-supervisor.8 ${MANUAL}/stint-console.8
  COMMAND stint completion bash >${MANUAL}/stint.bash
  DEPENDS stint ${CMAKE_SOURCE_DIR}/docs/man/stint-supervisor.8 ${CMAKE_SOURCE_DIR}/docs/man/stint-console.8)
add_custom_target(stint-manual ALL DEPENDS ${MANUAL}/stint.1.gz)
install(FILES ${MANUAL}/stint.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${MANUAL}/stint.conf.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${MANUAL}/stint-supervisor.8.gz ${MANUAL}/stint-console.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${MANUAL}/stint.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME stint)
