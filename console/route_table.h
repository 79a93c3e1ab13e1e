/*
 * route_table - the console's API, one row a path. docs/console-api.md has a section for each; a test compares the two.
 *
 * X(method, path, least role, allowed query parameters or members of the body, function)
 */
#pragma once

#define DEAD_FILTER_WORDS "queue kind cause code fingerprint match build host since until archived"

#define ROUTE_TABLE(X)                                                                                                 \
    X("GET", "/healthz", OPEN, "", api_health)                                                                         \
    X("POST", "/api/v1/session", OPEN, "token", api_session_open)                                                      \
    X("GET", "/api/v1/session", VIEWER, "", api_session_show)                                                          \
    X("DELETE", "/api/v1/session", VIEWER, "", api_session_close)                                                      \
    X("GET", "/api/v1/overview", VIEWER, "", api_overview)                                                             \
    X("GET", "/api/v1/hosts", VIEWER, "", api_hosts)                                                                   \
    X("GET", "/api/v1/queues/{queue}", VIEWER, "", api_queue_show)                                                     \
    X("POST", "/api/v1/queues/{queue}/pause", OPERATOR, "kind reason", api_queue_pause)                                \
    X("POST", "/api/v1/queues/{queue}/resume", OPERATOR, "kind reason", api_queue_resume)                              \
    X("GET", "/api/v1/queues/{queue}/jobs", VIEWER, "state band after limit", api_jobs_list)                           \
    X("GET", "/api/v1/queues/{queue}/jobs/{id}", VIEWER, "", api_job_show)                                             \
    X("POST", "/api/v1/queues/{queue}/jobs/{id}/cancel", OPERATOR, "reason", api_job_cancel)                           \
    X("GET", "/api/v1/jobs/{id}", VIEWER, "", api_job_find)                                                            \
    X("GET", "/api/v1/dead", VIEWER, DEAD_FILTER_WORDS " after limit", api_dead_list)                                  \
    X("GET", "/api/v1/dead/triage", VIEWER, DEAD_FILTER_WORDS, api_dead_triage)                                        \
    X("POST", "/api/v1/dead/archive", OPERATOR, "filter ids expect confirm reason", api_dead_archive)                  \
    X("POST", "/api/v1/dead/purge", ADMIN, "filter ids expect confirm reason", api_dead_purge)                         \
    X("GET", "/api/v1/replays", VIEWER, "queue", api_replays_list)                                                     \
    X("POST", "/api/v1/replays", OPERATOR, "filter ids canary canary_failures rate stop_at max reason",                \
      api_replay_start)                                                                                                \
    X("GET", "/api/v1/replays/{run}", VIEWER, "", api_replay_show)                                                     \
    X("POST", "/api/v1/replays/{run}/pause", OPERATOR, "reason", api_replay_pause)                                     \
    X("POST", "/api/v1/replays/{run}/resume", OPERATOR, "reason", api_replay_resume)                                   \
    X("POST", "/api/v1/replays/{run}/cancel", OPERATOR, "reason", api_replay_cancel)                                   \
    X("POST", "/api/v1/replays/{run}/rate", OPERATOR, "rate reason", api_replay_rate)                                  \
    X("POST", "/api/v1/replays/{run}/undo", OPERATOR, "reason", api_replay_undo)                                       \
    X("GET", "/api/v1/match", VIEWER, "", api_match)                                                                   \
    X("GET", "/api/v1/audit", VIEWER, "queue actor action match since until limit", api_audit)
