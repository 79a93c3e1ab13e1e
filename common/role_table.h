/*
 * role_table - every program: its name, its folder and the libraries it may link. A test compares each binary with its row.
 *
 * X(program, folder, "space-separated sonames without version, libc and libm left out")
 */
#pragma once

#define ROLE_TABLE(X)                                                                                                  \
    X("stint-supervisor", "supervisor", "libuv libhiredis libmicrohttpd libjansson libinih libseccomp")                           \
    X("stint-worker", "worker", "libuv libhiredis libpq libcurl libjansson libinih libical libseccomp")                \
    X("stint-parser", "parser", "libpoppler-glib libglib-2.0 libgobject-2.0 libgio-2.0 libcairo libfontconfig libjansson libseccomp") \
    X("stint-relay", "relay", "libhiredis libpq libjansson libinih")                                                   \
    X("stint-backtrace", "backtrace", "libdw libelf libjansson libseccomp")                                            \
    X("stint", "ctl", "libhiredis libpq libjansson libinih")
