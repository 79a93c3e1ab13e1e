# Warnings, hardening and sanitizers, in one place for every target.
set(STINT_SANITIZE "" CACHE STRING "comma-separated sanitizers: address,undefined or thread")
option(STINT_WERROR "treat warnings as errors" ON)
option(STINT_COVERAGE "instrument for gcov" OFF)

add_library(stint_flags INTERFACE)
target_compile_definitions(stint_flags INTERFACE _GNU_SOURCE)
target_include_directories(stint_flags INTERFACE ${CMAKE_BINARY_DIR}/generated)
target_compile_options(stint_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes;-Wold-style-definition>
  -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference -Wimplicit-fallthrough
  -Wcast-qual -Wswitch-enum
  -fno-common -fno-strict-aliasing -fno-omit-frame-pointer
  -UNDEBUG) # assert() is for our own bugs and stays on in release
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  target_compile_options(stint_flags INTERFACE -Wno-gnu-zero-variadic-macro-arguments)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(stint_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(STINT_WERROR)
  target_compile_options(stint_flags INTERFACE -Werror)
endif()
target_link_options(stint_flags INTERFACE -Wl,--as-needed)

if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(stint_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(stint_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_link_options(stint_flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()

if(STINT_SANITIZE)
  target_compile_options(stint_flags INTERFACE -fsanitize=${STINT_SANITIZE} -fno-sanitize-recover=all)
  # a class met for the first time is looked up through a pipe, which a cell must not make
  target_compile_options(stint_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr>)
  target_link_options(stint_flags INTERFACE -fsanitize=${STINT_SANITIZE})
  target_compile_definitions(stint_flags INTERFACE STINT_SANITIZED=1)
endif()
if(STINT_COVERAGE)
  target_compile_options(stint_flags INTERFACE --coverage)
  target_link_options(stint_flags INTERFACE --coverage)
endif()
if(STINT_TEST_HOOKS)
  target_compile_definitions(stint_flags INTERFACE STINT_TEST_HOOKS=1)
endif()
