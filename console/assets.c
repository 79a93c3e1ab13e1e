/*
 * assets - see assets.h. An installed console needs no files beside it, and serves none that was put there.
 */
#include "assets.h"

#include "console_assets.h"

const struct asset *assets_find(const char *path)
{
    const char *name = strcmp(path, "/") == 0 ? "index.html" : path + 1;
    for (size_t i = 0; i < ARRAY_LEN(console_assets); i++)
        if (strcmp(console_assets[i].name, name) == 0)
            return &console_assets[i];
    return NULL;
}
