/*
 * log_journal - log lines to systemd's journal with their fields, so that `journalctl STINT_JOB=ID` finds a job's.
 *
 * Runs in: every process that logs. Thread-safe after opening. Owner: the caller owns the descriptor.
 * Source: systemd, "Native Journal Protocol": a datagram of FIELD=value lines to /run/systemd/journal/socket.
 */
#pragma once

#include "base.h"

/* A socket for log_journal_send when fd (standard error) leads to the journal; -1 when it does not. Close-on-exec. */
int log_journal_open(int fd);
/* Sends one entry, never waiting; false when the journal did not take it (the caller then writes the line to fd). */
bool log_journal_send(int sock, const char *entry, size_t len);
