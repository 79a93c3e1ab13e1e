/*
 * role_table - every program: its name, its folder and the libraries it may link. A test compares each binary with its row.
 *
 * X(program, folder, "space-separated sonames without version, libc and libm left out")
 */
#pragma once

#define ROLE_TABLE(X)                                                                                                  \
    X("stint-supervisor", "supervisor", "libuv libhiredis libmicrohttpd libjansson libinih libseccomp")                           \
    X("stint-worker", "worker", "libuv libhiredis libpq libjansson libinih libseccomp")                \
    X("stint-parser", "parser", "libpoppler libfontconfig libstdc++ libz libglib-2.0 libjansson libinih libseccomp") \
    X("stint-fetch", "fetch", "libcurl libseccomp")                                                                    \
    X("stint-relay", "relay", "libhiredis libpq libjansson libinih")                                                   \
    X("stint-backtrace", "backtrace", "libdw libelf libjansson libseccomp")                                            \
    X("stint-console", "console", "libhiredis libpq libmicrohttpd libjansson libinih")                                  \
    X("stint", "ctl", "libuv libhiredis libpq libjansson libinih libseccomp")
