/*
 * backup_archive - a backup that is read: its folder, or its tar unpacked into a temporary one; every part against its
 * SHA-256.
 *
 * Runs in: ctl. Blocks on the disk. It believes nothing: names come from a list, links are not followed, the manifest
 * is checked whole.
 */
#pragma once

#include "backup_folder.h"
#include "session.h"

struct backup_archive {
    char path[PATH_MAX];     /* as opened, absolute */
    char unpacked[PATH_MAX]; /* temporary folder, removed at the end; "" for a folder */
    int lock;                /* of that folder, while it is there */
    int fd;                  /* of the folder; -1 */
    json_t *manifest;        /* owned */
};

/* Opens and checks. ERR_NOT_FOUND; ERR_BAD_PAYLOAD names the part that is missing, cut or changed; ERR_REFUSED for a
 * backup of a newer stint. */
int backup_archive_open(struct backup_archive *a, struct session *s, const char *path, struct err *e);
void backup_archive_end(struct backup_archive *a); /* twice-safe */
/* A part for reading, the caller's; -1 when there is none. */
int backup_archive_part(const struct backup_archive *a, const char *name);
