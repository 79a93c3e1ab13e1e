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

/* Fields of proc(5) mountinfo: 36 35 98:0 ROOT FOLDER options … - TYPE source options. */
struct mount_line {
    char root[CGROUP_PATH_MAX], folder[CGROUP_PATH_MAX], type[32];
};

static bool read_mount_line(const char *line, size_t len, struct mount_line *ret)
{
    char copy[2048];
    if (len >= sizeof copy)
        return false;
    memcpy(copy, line, len);
    copy[len] = '\0';
    const char *dash = strstr(copy, " - ");
    return dash != NULL && sscanf(copy, "%*s %*s %*s %511s %511s", ret->root, ret->folder) == 2 &&
           sscanf(dash + 3, "%31s", ret->type) == 1 && strchr(ret->root, '\\') == NULL &&
           strchr(ret->folder, '\\') == NULL;
}

int cgroup_parse_mount(const char *mountinfo, const char *path, char ret_folder[static CGROUP_PATH_MAX])
{
    const char *cursor = mountinfo, *line;
    size_t len;
    while ((line = next_line(&cursor, &len)) != NULL) {
        struct mount_line m;
        if (!read_mount_line(line, len, &m) || strcmp(m.type, "cgroup2") != 0)
            continue;
        size_t root = strcmp(m.root, "/") == 0 ? 0 : strlen(m.root);
        if (strncmp(path, m.root, root) != 0 || (path[root] != '/' && path[root] != '\0'))
            continue;
        const char *rest = strcmp(path + root, "/") == 0 ? "" : path + root;
        if (strlen(m.folder) + strlen(rest) >= CGROUP_PATH_MAX)
            continue;
        (void)stpcpy(stpcpy(ret_folder, m.folder), rest);
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
