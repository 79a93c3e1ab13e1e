/*
 * kind_table - one row per job kind this build can run: its name and its operations.
 *
 * X(name, ops): `ops` is a `const struct kind_ops` defined in the kind's own file. A new kind is a row here, a row in
 * common/kind_defaults.h, and its file; nothing else in the worker names a kind.
 */
#pragma once

#define KIND_TABLE(X) X("probe", kind_probe_ops) X("match", kind_match_ops) X("pdf-parse", kind_pdf_ops)
