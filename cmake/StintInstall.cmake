# FHS places: programs a person runs in bin, programs stint runs in libexec/stint.
install(TARGETS stint stint-supervisor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS stint-worker stint-parser stint-fetch stint-relay stint-backtrace RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/stint)
install(FILES README.md CHANGELOG.md LICENSE SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES systemd/stint-supervisor.service DESTINATION lib/systemd/system)
install(FILES systemd/stint.sysusers DESTINATION lib/sysusers.d RENAME stint.conf)
install(FILES systemd/stint.tmpfiles DESTINATION lib/tmpfiles.d RENAME stint.conf)
