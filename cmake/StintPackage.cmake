# `cpack` in a build of preset "package" makes stint_<version>_<arch>.deb.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME stint)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "stint maintainers <maintainers@stint.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "job-queue worker pool on Redis Streams")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A supervisor forks workers under limits of memory, CPU and time, which run
matchmaking and PDF-parse jobs out of Redis Streams, with timeouts, retries,
priorities and dead letters.
.
A job that hangs or crashes takes nothing but itself down: its cause and the
evidence are kept, and the next job starts within milliseconds.")
# Programs keep their functions' names in a compressed section; the rest of what a debugger wants is stint-dbgsym.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/mini_debuginfo.cmake)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, tzdata, ca-certificates, init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "redis-server (>= 5:7.0) | redis, postgresql (>= 15), poppler-data")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, prometheus-alertmanager, gdb, valgrind")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(DEB ${CMAKE_SOURCE_DIR}/packaging/deb)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${DEB}/postinst ${DEB}/prerm ${DEB}/postrm ${DEB}/conffiles)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated/deb)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/generated/deb/changelog.Debian.gz
  COMMAND ${CMAKE_COMMAND} -E copy ${DEB}/changelog ${CMAKE_BINARY_DIR}/generated/deb/changelog.Debian
  COMMAND gzip -9nf ${CMAKE_BINARY_DIR}/generated/deb/changelog.Debian
  DEPENDS ${DEB}/changelog)
add_custom_target(stint-deb-papers ALL DEPENDS ${CMAKE_BINARY_DIR}/generated/deb/changelog.Debian.gz)
install(FILES ${CMAKE_BINARY_DIR}/generated/deb/changelog.Debian.gz ${DEB}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/stint.conf DESTINATION /etc/stint)
include(CPack)
