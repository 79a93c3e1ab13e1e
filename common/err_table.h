/*
 * err_table - every error code of stint: name, number, class, text. Expanded by err.c and the reference page.
 *
 * The class decides what happens to a job that fails with the code (docs/job-lifecycle.md):
 *   TRANSIENT  backoff and retry     PERMANENT  dead at once
 *   RESOURCE   once more, then dead  FATAL      the worker stops, the job is handed back
 * A number is never used again for another meaning.
 */
#pragma once

#define ERR_TABLE(X)                                                                                                   \
    /* storage and transport */                                                                                        \
    X(REDIS_UNAVAILABLE, -5001, TRANSIENT, "Redis cannot be reached")                                                  \
    X(REDIS_REFUSED, -5002, TRANSIENT, "Redis refused the command")                                                    \
    X(STORE_UNAVAILABLE, -5003, TRANSIENT, "PostgreSQL cannot be reached")                                             \
    X(STORE_CONFLICT, -5004, TRANSIENT, "another transaction changed the same rows")                                   \
    X(STORE_REFUSED, -5005, PERMANENT, "PostgreSQL refused the statement")                                             \
    X(SOURCE_UNAVAILABLE, -5006, TRANSIENT, "the input's source cannot be reached")                                    \
    X(WORKER_LOST, -5007, TRANSIENT, "the host that ran the job is gone")                                              \
    X(FENCED, -5008, TRANSIENT, "the job was taken from this owner")                                                   \
    X(TIMED_OUT, -5009, TRANSIENT, "no answer in time")                                                                \
    X(STORE_LOST, -5010, TRANSIENT, "PostgreSQL was lost in the middle of a statement")                                \
    X(REDIS_FULL, -5011, TRANSIENT, "Redis is at maxmemory")                                                           \
    X(NO_DESCRIPTORS, -5012, TRANSIENT, "the process has no file descriptor left")                                     \
    /* a job that can never work */                                                                                    \
    X(BAD_PAYLOAD, -5101, PERMANENT, "the payload is not what the kind expects")                                       \
    X(UNKNOWN_KIND, -5102, PERMANENT, "no worker of this queue knows the kind")                                        \
    X(SOURCE_MISSING, -5103, PERMANENT, "the input does not exist")                                                    \
    X(SOURCE_REFUSED, -5104, PERMANENT, "the input's source is outside what the configuration allows, or refuses us")     \
    X(EMPTY_FILE, -5105, PERMANENT, "the input is empty")                                                              \
    X(TOO_LARGE, -5106, PERMANENT, "the input is larger than allowed")                                                 \
    X(HASH_MISMATCH, -5107, PERMANENT, "the input is not the one announced by its sha256 or size")                     \
    X(NOT_PDF, -5108, PERMANENT, "the input is not a PDF")                                                             \
    X(CORRUPT_PDF, -5109, PERMANENT, "the PDF is damaged beyond reading")                                              \
    X(PASSWORD_REQUIRED, -5110, PERMANENT, "the PDF needs a password")                                                 \
    X(UNSUPPORTED_ENCRYPTION, -5111, PERMANENT, "the PDF's encryption is not supported")                               \
    X(TOO_MANY_PAGES, -5112, PERMANENT, "the PDF has more pages than allowed")                                         \
    X(DECOMPRESSION_LIMIT, -5113, PERMANENT, "the PDF unpacks to more than allowed")                                   \
    X(NO_TEXT, -5114, PERMANENT, "the PDF holds no text")                                                              \
    X(UNRECOGNISED_FORMAT, -5115, PERMANENT, "the document is of no known layout")                                     \
    X(TYPE_MISMATCH, -5116, PERMANENT, "the document is of another type than expected")                                \
    X(MISSING_COLUMNS, -5117, PERMANENT, "the table lacks columns its layout needs")                                   \
    X(NO_EVENTS, -5118, PERMANENT, "the timetable holds no event")                                                     \
    X(HANDLER_FAILED, -5119, TRANSIENT, "the handler failed")                                                          \
    X(HANDLER_REFUSED, -5120, PERMANENT, "the handler said it can never work")                                         \
    /* a limit or a death */                                                                                           \
    X(TIMEOUT, -5201, RESOURCE, "the time limit was reached")                                                          \
    X(CPU_LIMIT, -5202, RESOURCE, "the CPU limit was reached")                                                         \
    X(MEM_LIMIT, -5203, RESOURCE, "the memory limit was reached")                                                      \
    X(CRASH, -5204, RESOURCE, "the process died")                                                                      \
    X(SANDBOX_VIOLATION, -5205, RESOURCE, "the sandbox refused a system call")                                         \
    X(BAD_REPLY, -5207, RESOURCE, "the parser's reply contradicts itself or is not of its form")                       \
    X(CANCELLED, -5206, PERMANENT, "the job was cancelled")                                                            \
    /* ours or the operator's */                                                                                       \
    X(BAD_CONFIG, -5301, FATAL, "the configuration is wrong")                                                          \
    X(BAD_ARGUMENT, -5302, FATAL, "an argument is wrong")                                                              \
    X(BOOT_FAILURE, -5303, FATAL, "the process could not start")                                                       \
    X(PROTOCOL, -5304, FATAL, "a peer answered what the protocol does not allow")                                      \
    X(NOT_FOUND, -5305, PERMANENT, "there is no such thing")                                                           \
    X(REFUSED, -5306, PERMANENT, "a guard refused")                                                                    \
    X(OUT_OF_MEMORY, -5307, RESOURCE, "out of memory")                                                                 \
    X(LEDGER_REPAIR, -5308, PERMANENT, "the job's record was damaged, and stint fsck could not make it runnable")
