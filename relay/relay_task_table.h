/*
 * relay_task_table - what stint-relay does for each queue, in this order. A task is a step function (relay.h).
 *
 * X(name, step)
 */
#pragma once

#define RELAY_TASKS(X)                                                                                                 \
    X(outbox, relay_outbox_step)                                                                                       \
    X(archive, relay_archive_step)
