/*
 * pdf_inputs - the documents `stint pdf parse` was given: files, folders of them, standard input, addresses.
 *
 * Runs in: ctl. Blocks on reading folders and files. Owner: the caller's struct pdf_inputs.
 */
#pragma once

#include "args.h"
#include "err.h"

enum { PDF_INPUTS_MAX = 100000 };

struct pdf_inputs {
    char **names; /* owned: paths, "-" or "https://…"; those of a folder by name */
    size_t n;
};

/* What the positionals name; a folder stands for every *.pdf in it. ERR_NOT_FOUND for a folder that holds none, ERR_BAD_ARGUMENT
 * for "-" twice or too many. Whether a file is there is found out when it is read. Free with pdf_inputs_free in any case. */
int pdf_inputs_find(struct pdf_inputs *in, const struct args *a, struct err *e);
void pdf_inputs_free(struct pdf_inputs *in);
/* An address that a worker fetches. */
bool pdf_inputs_is_url(const char *name);
/* The bytes of a file or of standard input, *ret_bytes the caller's. ERR_TOO_LARGE beyond max_bytes, ERR_EMPTY_FILE, ERR_NOT_FOUND,
 * ERR_BAD_ARGUMENT. */
int pdf_inputs_read(const char *name, size_t max_bytes, char **ret_bytes, size_t *ret_len, struct err *e);
/* "exams.ics" of "in/exams.pdf" and "ics" ("stdin.ics" of "-"), the caller's to free; NULL without memory. */
char *pdf_inputs_result_name(const char *name, const char *extension);
