/*
 * backup_folder - a backup while it is written: a hidden folder beside its final name, renamed when all of it is on
 * disk.
 *
 *   PARENT/.NAME.partial/…  ──commit──►  PARENT/NAME/…   (or PARENT/NAME.tar)
 *
 * Runs in: ctl. Blocks on the disk. The partial folder is locked by its process: what a killed backup left is
 * recognised and removed by the next one. Folders 0700, files 0600.
 */
#pragma once

#include "backup_manifest.h"
#include "rdb_header.h"
#include "sha256.h"
#include <linux/limits.h>

enum { BACKUP_PATH_MAX = PATH_MAX + NAME_MAX + 2 };

struct backup_folder {
    char parent[PATH_MAX], name[NAME_MAX + 1], partial[PATH_MAX];
    bool tar;
    bool named_here; /* the name was made here, in a folder of backups */
    int fd;          /* of the partial folder, locked; -1 */
    json_t *parts;   /* owned: of those that are closed */
};

/* A part being written. */
struct backup_part {
    const char *name; /* borrowed literal */
    int fd;           /* -1: not open */
    uint64_t bytes;
    struct sha256 sum;
    uint8_t head[RDB_HEADER_BYTES]; /* its first bytes */
};

/* Decides the name by `out` (a folder of backups that is there: a name made of now_ms; else the name itself, as an
 * archive when it ends in .tar), removes what killed backups left there, and makes the partial folder. ERR_REFUSED when
 * the name is taken or another backup is writing it. */
int backup_folder_begin(struct backup_folder *f, const char *out, int64_t now_ms, struct err *e);
int backup_part_open(struct backup_folder *f, struct backup_part *p, const char *name, struct err *e);
/* A full disk is told with what to do. */
int backup_part_write(struct backup_part *p, const void *bytes, size_t len, struct err *e);
/* Syncs it and adds it to f->parts. */
int backup_part_close(struct backup_folder *f, struct backup_part *p, struct err *e);
void backup_part_abandon(struct backup_part *p); /* twice-safe */
/* Writes the manifest, whose "parts" it adds, and gives the backup its name. ret_path: BACKUP_PATH_MAX bytes. */
int backup_folder_commit(struct backup_folder *f, json_t *manifest, char *ret_path, struct err *e);
/* Removes what was written, unless it was committed; twice-safe. */
void backup_folder_end(struct backup_folder *f);
/* In a folder of backups: removes the oldest of those whose names were made here, until `keep` are left. Returns how
 * many went. The one of f is never among them, whatever the clock said when the others were made. */
size_t backup_folder_prune(const struct backup_folder *f, size_t keep);
/* Removes a folder and all in it; follows no link. */
void backup_folder_remove(const char *path);
