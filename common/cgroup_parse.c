/*
 * cgroup_parse - what the kernel's text files about cgroups say (see cgroup.h). Pure; refuses to guess: a path that
 * lies outside our cgroup namespace, or one that needs unescaping, is not ours to write below.
 */
#include "cgroup.h"

#include <stdio.h>

/* The next line of *cursor, its length in *ret_len; NULL at the end. */
static const char *next_line(const char **cursor, size_t *ret_len)
{
    const char *line = *cursor;
    if (*line == '\0')
        return NULL;
    *ret_len = strcspn(line, "\n");
    *cursor = line + *ret_len + (line[*ret_len] == '\n');
    return line;
}

int cgroup_parse_self(const char *text, char ret_path[static CGROUP_PATH_MAX])
{
    static const char leaf[] = "/supervisor";
    const char *cursor = text, *line;
    size_t len;
    while ((line = next_line(&cursor, &len)) != NULL) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line += 3;
        len -= 3;
        if (len >= CGROUP_PATH_MAX || memmem(line, len, "/..", 3) != NULL)
            return -EINVAL;
        size_t tail = sizeof leaf - 1;
        if (len >= tail && memcmp(line + len - tail, leaf, tail) == 0)
            len -= tail;
        memcpy(ret_path, len > 0 ? line : "/", MAX_OF(len, (size_t)1));
        ret_path[MAX_OF(len, (size_t)1)] = '\0';
        return 0;
    }
    return -ENOENT;
}

/* Fields of proc(5) mountinfo: 36 35 98:0 ROOT FOLDER options … - TYPE source super-options. */
struct mount_line {
    char root[CGROUP_PATH_MAX], folder[CGROUP_PATH_MAX], type[32], options[256];
};

static bool read_mount_line(const char *line, size_t len, struct mount_line *ret)
{
    char copy[2048];
    if (len >= sizeof copy)
        return false;
    memcpy(copy, line, len);
    copy[len] = '\0';
    const char *dash = strstr(copy, " - ");
    ret->options[0] = '\0';
    return dash != NULL && sscanf(copy, "%*s %*s %*s %511s %511s", ret->root, ret->folder) == 2 &&
           sscanf(dash + 3, "%31s %*s %255s", ret->type, ret->options) >= 1 && strchr(ret->root, '\\') == NULL &&
           strchr(ret->folder, '\\') == NULL;
}

static bool has_option(const char *options, const char *option)
{
    size_t want = strlen(option);
    for (const char *p = options; *p != '\0'; p += *p == ',') {
        size_t len = strcspn(p, ",");
        if (len == want && strncmp(p, option, len) == 0)
            return true;
        p += len;
    }
    return false;
}

int cgroup_parse_mount_of(const char *mountinfo, const char *controller, const char *path, bool elsewhere,
                          struct cgroup_place *ret)
{
    const char *cursor = mountinfo, *line;
    size_t len;
    while ((line = next_line(&cursor, &len)) != NULL) {
        struct mount_line m;
        bool fits = read_mount_line(line, len, &m);
        if (!fits || (controller == NULL ? strcmp(m.type, "cgroup2") != 0
                                         : strcmp(m.type, "cgroup") != 0 || !has_option(m.options, controller)))
            continue;
        size_t root = strcmp(m.root, "/") == 0 ? 0 : strlen(m.root);
        bool below = strncmp(path, m.root, root) == 0 && (path[root] == '/' || path[root] == '\0');
        if (!below && !elsewhere)
            continue;
        const char *rest = !below || strcmp(path + root, "/") == 0 ? "" : path + root;
        if (strlen(m.folder) + strlen(rest) >= CGROUP_PATH_MAX)
            continue;
        memcpy(ret->top, m.folder, strlen(m.folder) + 1);
        memcpy(ret->rest, rest, strlen(rest) + 1);
        return 0;
    }
    return -ENOENT;
}

int cgroup_parse_mount(const char *mountinfo, const char *path, char ret_folder[static CGROUP_PATH_MAX])
{
    struct cgroup_place place;
    int rc = cgroup_parse_mount_of(mountinfo, NULL, path, false, &place);
    if (rc == 0) /* their lengths were checked together */
        (void)stpcpy(stpcpy(ret_folder, place.top), place.rest);
    return rc;
}

int cgroup_parse_v1(const char *text, const char *controller, char ret_path[static CGROUP_PATH_MAX])
{
    const char *cursor = text, *line;
    size_t len;
    while ((line = next_line(&cursor, &len)) != NULL) {
        char names[128], path[CGROUP_PATH_MAX], copy[CGROUP_PATH_MAX + 160];
        if (len >= sizeof copy)
            continue;
        memcpy(copy, line, len);
        copy[len] = '\0';
        if (sscanf(copy, "%*u:%127[^:]:%511s", names, path) != 2 || path[0] != '/' || !has_option(names, controller))
            continue;
        memcpy(ret_path, path, strlen(path) + 1);
        return 0;
    }
    return -ENOENT;
}

int64_t cgroup_parse_number(const char *text)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    return errno == 0 && end != text && n >= 0 && (*end == '\0' || *end == '\n') ? n : -1;
}

int64_t cgroup_parse_key(const char *text, const char *key)
{
    const char *cursor = text, *line;
    size_t len, key_len = strlen(key);
    while ((line = next_line(&cursor, &len)) != NULL)
        if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == ' ')
            return cgroup_parse_number(line + key_len + 1);
    return -1;
}

bool cgroup_parse_has_word(const char *text, const char *word)
{
    size_t want = strlen(word);
    for (const char *p = text; *p != '\0';) {
        p += strspn(p, " \n");
        size_t len = strcspn(p, " \n");
        if (len == want && strncmp(p, word, len) == 0)
            return true;
        p += len;
    }
    return false;
}
