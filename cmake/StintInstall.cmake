# FHS places: programs a person runs in bin, programs stint runs in libexec/stint.
install(TARGETS stint stint-supervisor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS stint-worker stint-parser RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/stint)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES systemd/stint-supervisor.service DESTINATION lib/systemd/system OPTIONAL)
install(FILES systemd/stint.conf.example DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
