/*
 * redis_functions - carries the Functions library inside the program, so that a program and its Functions never differ.
 * It refuses to read the library from disk: an installed file could be of another build.
 */
#include "redis_functions.h"

#include <ctype.h>

#include "stint_lua.h"

static const char version_mark[] = "local VERSION = ";

const char *redis_functions_source(size_t *ret_len)
{
    if (ret_len)
        *ret_len = stint_lua_len;
    return (const char *)stint_lua;
}

int redis_functions_version(void)
{
    const char *at = strstr(redis_functions_source(NULL), version_mark);
    assert(at && isdigit((unsigned char)at[sizeof version_mark - 1])); /* fixed when the program was built */
    return (int)strtol(at + sizeof version_mark - 1, NULL, 10);
}
