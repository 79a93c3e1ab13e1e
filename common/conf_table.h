/*
 * conf_table - every configuration key: type, default, range, unit, reloadable, doc. Expanded into the structs of conf.h,
 * the parser, `stint config print|reference` and the man page.
 *
 * X(TYPE, key, default, min, max, reloadable, doc)
 *   STR       text                              min/max: length in bytes
 *   INT       whole number
 *   DURATION  "250ms", "5s", "1m", "2h", "7d"    kept in milliseconds
 *   SIZE      "64K", "256M", "2G"                kept in bytes
 *   BOOL      yes|no|true|false|on|off|1|0
 *   LIST      comma-separated names, kept as text
 */
#pragma once

#define CONF_MS(s)  ((s) * INT64_C(1000))
#define CONF_MIB(m) ((m) * INT64_C(1048576))
#define CONF_DAY_MS INT64_C(86400000)

#define CONF_REDIS(X)                                                                                                  \
    X(STR, url, "redis://127.0.0.1:6379", 1, 511, false, "redis://[user:password@]host[:port][/db] or unix:///path")   \
    X(STR, url_file, "", 0, 511, false, "file whose first line is the url; wins over url")                             \
    X(BOOL, cluster, 0, 0, 1, false, "url names a node of a Redis Cluster; every queue is where its slot is")           \
    X(STR, nodes, "", 0, 511, false, "host:port of more nodes of the cluster, asked where slots are when url's is away") \
    X(DURATION, connect_timeout, 2000, 10, 60000, true, "longest wait for a connection")                               \
    X(DURATION, command_timeout, 5000, 10, 600000, true, "longest wait for an answer; the connection is closed past it")

#define CONF_POSTGRES(X)                                                                                               \
    X(STR, url, "postgresql://127.0.0.1/stint", 1, 511, false, "libpq connection URI")                                 \
    X(STR, url_file, "", 0, 511, false, "file whose first line is the url; wins over url")                             \
    X(DURATION, connect_timeout, 5000, 1000, 60000, true, "longest wait for a connection")                             \
    X(DURATION, statement_timeout, 15000, 10, 600000, true, "statement_timeout of every session")                      \
    X(INT, pool_max, 2, 1, 16, false, "most connections of one worker")

#define CONF_SUPERVISOR(X)                                                                                             \
    X(STR, run_dir, "/run/stint", 1, 255, false, "folder of the control socket")                                       \
    X(STR, state_dir, "/var/lib/stint", 1, 255, false, "folder for what must outlive a restart")                       \
    X(STR, instance, "", 0, 80, false, "name of this host in the registry; default: host name; a random part is added") \
    X(DURATION, lease, 10000, 1000, 600000, true, "a host silent for so long has lost its jobs")                       \
    X(DURATION, heartbeat, 3000, 100, 60000, true, "how often the lease is renewed; at most a third of it")            \
    X(DURATION, boot_timeout, 15000, 100, 600000, true, "a worker not ready by then is a boot failure")                \
    X(DURATION, kill_grace, 2000, 0, 600000, true, "between TERM and KILL of a job past its hard timeout")             \
    X(DURATION, drain_timeout, 330000, 0, 86400000, true, "longest drain; then the jobs in hand are handed back")      \
    X(INT, restart_max, 100, 1, 10000, true,                                                                           \
      "restarts of a pool within restart_window; more start with a delay, at most 1 s after a run")                    \
    X(DURATION, restart_window, 60000, 1000, 3600000, true, "window of restart_max")                                   \
    X(DURATION, backoff_base, 100, 1, 60000, true, "first delay before a worker that failed to start is started again") \
    X(DURATION, backoff_max, 30000, 1, 3600000, true, "longest such delay")                                            \
    X(STR, cgroup, "auto", 1, 8, false,                                                                                \
      "a cgroup v2 group per worker: auto (where one is delegated to us), off, or required (no start without)")        \
    X(STR, log_level, "info", 1, 8, true, "debug, info, warn or error")                                                \
    X(STR, log_format, "auto", 1, 8, false, "json, text, journal, or auto: text on a terminal, entries in the journal")  \
    X(STR, log_file, "", 0, 255, false, "file to append to, reopened on USR1; empty: standard error")

#define CONF_RELAY(X)                                                                                                  \
    X(BOOL, enabled, 1, 0, 1, true, "run stint-relay, which moves rows between Redis and PostgreSQL")                  \
    X(DURATION, interval, 5000, 50, 3600000, true, "how often it looks for work")                                      \
    X(DURATION, stall, 60000, 1000, 3600000, true, "one that says nothing for so long is killed and started again")    \
    X(DURATION, outbox_keep, CONF_DAY_MS, 0, 365 * CONF_DAY_MS, true,                                                  \
      "how long a row of stint_outbox is kept after it became a job; its id is recognised so long")                    \
    X(SIZE, memory, CONF_MIB(1024), CONF_MIB(128), CONF_MIB(1048576), true, "its RLIMIT_AS")

#define CONF_DEAD(X)                                                                                                   \
    X(SIZE, max_bytes, CONF_MIB(256), 0, CONF_MIB(1048576), true,                                                      \
      "dead letters of one queue above this memory are archived to PostgreSQL, the oldest first; 0: never")            \
    X(DURATION, max_age, 30 * CONF_DAY_MS, 0, 3650 * CONF_DAY_MS, true, "dead letters older than this are archived; 0: never") \
    X(INT, max_redis_percent, 85, 0, 99, true,                                                                         \
      "above this share of Redis' maxmemory dead letters are archived, the oldest first; 0: never")

#define CONF_METRICS(X)                                                                                                \
    X(BOOL, enabled, 1, 0, 1, false, "serve HTTP")                                                                     \
    X(STR, listen, "127.0.0.1", 1, 64, false, "address to bind")                                                       \
    X(INT, port, 9464, 0, 65535, false, "port to bind; 0: any free one, written to run_dir/metrics.port")              \
    X(DURATION, interval, 2000, 100, 600000, true, "how often queue counts are read from Redis and published")

#define CONF_CONSOLE(X)                                                                                                \
    X(STR, listen, "127.0.0.1", 1, 64, false,                                                                          \
      "address to bind; another than loopback only once there is a token (stint console token add)")                   \
    X(INT, port, 9465, 0, 65535, false, "port to bind; 0: any free one, written to run_dir/console.port")              \
    X(STR, tokens_file, "", 0, 511, false, "file of tokens, kept as hashes; empty: state_dir/console.tokens")          \
    X(DURATION, session_idle, 43200000, 60000, 30 * CONF_DAY_MS, false, "a session not used for so long has ended")    \
    X(BOOL, cookie_secure, 0, 0, 1, false, "send the session cookie over TLS only: yes behind a proxy that ends TLS")

#define CONF_MATCH(X)                                                                                                  \
    X(STR, preset, "speed", 1, 16, true, "speed or wingman: timers and rules of docs/matching.md")                     \
    X(STR, policy, "greedy", 1, 16, true, "greedy, fcfs or max")                                                       \
    X(STR, duplicate, "replace", 1, 16, true, "the same ticket id again: replace or refuse")                           \
    X(DURATION, presence, 30000, 1000, CONF_DAY_MS, true, "a ticket not touched for so long has left")                 \
    X(DURATION, expires, 0, 0, 30 * CONF_DAY_MS, true, "longest wait of a ticket; 0: the preset's")                    \
    X(DURATION, pending_release, 60000, 0, CONF_DAY_MS, true, "a pair not confirmed by then is released; 0: never")    \
    X(DURATION, round_deadline, 5000, 100, 600000, true, "a round older than this is stale")                           \
    X(DURATION, relax_after, 60000, 0, CONF_DAY_MS, true, "first relaxation stage, with consent")                      \
    X(DURATION, relax_every, 30000, 1000, CONF_DAY_MS, true, "time between stages")                                    \
    X(INT, relax_stages, 5, 0, 20, true, "most stages; 0: nothing is ever relaxed")                                    \
    X(INT, relax_years, 1, 0, 20, true, "years that a stage adds to both ends of an age range")                        \
    X(INT, relax_percent, 10, 0, 100, true, "percent of the radius that a stage adds")                                 \
    X(INT, relax_regions_stage, 5, 0, 20, true, "from this stage of both on regions do not bind; 0: they always do")   \
    X(INT, candidates_max, 4096, 16, 1000000, true, "most candidates looked at in one attempt")

#define CONF_PDF(X)                                                                                                    \
    X(STR, roots, "", 0, 511, true, "comma-separated folders that source.path may name; empty: none")                  \
    X(STR, layouts, "", 0, 511, true, "folder of NAME.layout files beside the compiled-in timetables; empty: none")    \
    X(SIZE, max_bytes, CONF_MIB(10), 1024, CONF_MIB(256), true, "largest input")                                       \
    X(INT, max_pages, 100, 1, 10000, true, "most pages")                                                               \
    X(DURATION, timeout, 60000, 10, 600000, true, "wall time of one cell")                                             \
    X(DURATION, cpu, 30000, 1000, 600000, true, "CPU time of one cell, whole seconds")                                 \
    X(SIZE, memory, CONF_MIB(256), CONF_MIB(64), CONF_MIB(4096), true, "address space of one cell beyond the library")  \
    X(SIZE, max_unpacked, CONF_MIB(128), CONF_MIB(1), CONF_MIB(4096), true, "most bytes that a document's streams may become")  \
    X(SIZE, max_reply, CONF_MIB(16), 4096, CONF_MIB(256), true, "largest reply of one cell")                           \
    X(STR, timezone, "Africa/Johannesburg", 1, 63, true, "time zone when the payload names none")                      \
    X(INT, cache_rows, 10000, 0, 1000000, true, "most documents whose parse is kept in PostgreSQL, and 64 a worker; 0: none")           \
    X(SIZE, cache_bytes, CONF_MIB(256), CONF_MIB(1), CONF_MIB(65536), true, "most bytes of parses kept")               \
    X(DURATION, cache_age, INT64_C(2592000000), 60000, INT64_C(31536000000), true, "a parse is kept for so long")      \
    X(DURATION, cache_failures, 600000, 0, 86400000, true, "so long it is remembered that a document cannot be parsed") \
    X(STR, redis_prefixes, "blob:,stint:blob:", 0, 511, true,                                                          \
        "comma-separated beginnings of keys that source.redis may name; *: any key; empty: none")                      \
    X(STR, url, "off", 1, 8, true,                                                                                     \
        "source.url: off, list (hosts of url_allow) or public (any host of the public internet)")                      \
    X(STR, url_allow, "", 0, 511, true,                                                                                \
        "hosts for list: files.example.org, *.example.org (names below), HOST:PORT (that port too)")                   \
    X(STR, url_ports, "80,443", 0, 511, true,                                                                          \
        "ports a URL may name where url_allow does not")                                                               \
    X(BOOL, url_http, 0, 0, 1, true,                                                                                   \
        "fetch plain http too; never after a redirect from https")                                                     \
    X(STR, url_private_ranges, "", 0, 511, true,                                                                       \
        "addresses that are not public and yet may be fetched from: 10.1.0.0/16, 127.0.0.1:9000, [fd00::/8]:9000")     \
    X(INT, url_redirects, 3, 0, 10, true,                                                                              \
        "most redirects; each is checked as the first URL is")                                                         \
    X(DURATION, url_connect_timeout, 10000, 10, 600000, true,                                                          \
        "longest wait for a connection, name and TLS included")                                                        \
    X(DURATION, url_stall, 15000, 1000, 600000, true,                                                                  \
        "a transfer below 64 bytes a second for so long is given up; whole seconds")                                   \
    X(DURATION, url_timeout, 60000, 10, 3600000, true,                                                                 \
        "longest fetch of one document, S3 too; never past the soft timeout of its job")                               \
    X(STR, url_ca_file, "", 0, 511, true,                                                                              \
        "PEM file of the authorities trusted for TLS, S3 too; empty: the system's")                                    \
    X(STR, s3_endpoint, "", 0, 255, true,                                                                              \
        "https://host[:port] of the S3-compatible storage of source.s3; empty: none")                                  \
    X(STR, s3_region, "us-east-1", 1, 63, true,                                                                        \
        "its region, part of every signature")                                                                         \
    X(STR, s3_buckets, "", 0, 511, true,                                                                               \
        "comma-separated buckets that source.s3 may name; *: any; empty: none")                                        \
    X(BOOL, s3_path_style, 1, 0, 1, true,                                                                              \
        "endpoint/bucket/key (MinIO and most others); no: bucket.endpoint/key")                                        \
    X(STR, s3_access_key, "", 0, 255, true,                                                                            \
        "name of the key that signs; empty: requests are not signed")                                                  \
    X(STR, s3_access_key_file, "", 0, 511, true,                                                                       \
        "file whose first line is s3_access_key; wins over it")                                                        \
    X(STR, s3_secret_key, "", 0, 255, true,                                                                            \
        "the key that signs; it never leaves the worker")                                                              \
    X(STR, s3_secret_key_file, "", 0, 511, true,                                                                       \
        "file whose first line is s3_secret_key; wins over it")                                                        \
    X(STR, s3_session_token, "", 0, 511, true,                                                                         \
        "token of temporary credentials")                                                                              \
    X(STR, s3_session_token_file, "", 0, 511, true,                                                                    \
        "file whose first line is s3_session_token; wins over it")

#define CONF_POOL(X)                                                                                                   \
    X(STR, queue, "", 0, 64, false, "queue it fetches from; default: the default queue of its first kind")             \
    X(LIST, queues, "", 0, 511, true, "several queues that its workers serve in turn, instead of queue")               \
    X(STR, queues_file, "", 0, 511, true, "file of more such queues, one name a line; # begins a comment")             \
    X(LIST, kinds, "", 1, 511, false, "kinds it runs")                                                                 \
    X(STR, lane, "", 0, 16, false, "large: it serves only the lane for jobs that ran out of memory; empty: the bands") \
    X(INT, workers, 1, 0, 256, true, "workers started")                                                                \
    X(INT, workers_max, 0, 0, 256, true,                                                                               \
      "most workers it can be scaled to; 0: twice `workers`, at least 8; with target_wait no more than CPUs")          \
    X(DURATION, target_wait, 0, 0, CONF_DAY_MS, true,                                                                  \
      "workers are started and ended so that a job waits no longer than this; 0: there are `workers`")                 \
    X(INT, workers_min, 1, 0, 256, true, "fewest workers with target_wait")                                            \
    X(DURATION, scale_down_after, 60000, 100, CONF_DAY_MS, true,                                                       \
      "with target_wait: fewer must have been enough for so long before one worker goes")                              \
    X(SIZE, memory, CONF_MIB(2048), 0, CONF_MIB(1048576), true, "RLIMIT_AS of a worker; 0: none")                      \
    X(SIZE, cgroup_memory, 0, 0, CONF_MIB(1048576), true,                                                              \
      "memory.max of a worker's cgroup, its parser included: past it the kernel ends them; 0: as `memory`")            \
    X(SIZE, cgroup_memory_high, 0, 0, CONF_MIB(1048576), true,                                                         \
      "memory.high of that cgroup: slowed down past it; 0: none")                                                      \
    X(INT, cpu_quota, 200, 0, 102400, true, "cpu.max of that cgroup, in percent of one CPU; 0: none")                  \
    X(INT, tasks, 128, 0, 1048576, true, "pids.max of that cgroup, processes and threads together; 0: none")           \
    X(INT, files, 256, 32, 1048576, true, "RLIMIT_NOFILE")                                                             \
    X(INT, processes, 0, 0, 1048576, true, "RLIMIT_NPROC (counts the whole user's); 0: as inherited")                  \
    X(SIZE, core, 0, 0, CONF_MIB(1048576), true, "RLIMIT_CORE")                                                        \
    X(SIZE, file_size, CONF_MIB(1024), 0, CONF_MIB(1048576), true, "RLIMIT_FSIZE; 0: none")                            \
    X(INT, nice, 5, 0, 19, true, "added niceness, once it is ready")                                                                     \
    X(INT, recycle_jobs, 100000, 0, 1000000000, true, "a worker is replaced after so many jobs; 0: never")             \
    X(DURATION, recycle_age, CONF_DAY_MS, 0, 365 * CONF_DAY_MS, true, "… after this age; 0: never")                    \
    X(SIZE, recycle_rss, CONF_MIB(512), 0, CONF_MIB(1048576), true, "… above this resident memory; 0: never")          \
    X(INT, batch_max, 0, 0, 1000, true, "most jobs claimed at once; 0: the kind's own")                                \
    X(DURATION, batch_target, 5, 1, 60000, true, "expected run time of an adaptive batch")

#define CONF_QUEUE(X)                                                                                                  \
    X(INT, shards, 1, 1, 32, true,                                                                                     \
      "parts q.0 to q.<n-1> served beside the plain queue q, each in a hash slot of its own; 1: the plain queue alone")

#define CONF_KIND(X)                                                                                                   \
    X(BOOL, enabled, -1, 0, 1, true, "run it; default: the kind's own (probe: no)")                                    \
    X(INT, attempts, -1, 1, 1000, true, "most handler failures before dead")                                           \
    X(INT, crashes, 2, 1, 100, true, "most deaths of its process before dead, whatever its attempts")                  \
    X(DURATION, backoff, -1, 0, CONF_DAY_MS, true, "first retry delay, doubling, with full jitter")                    \
    X(DURATION, backoff_max, 3600000, 0, 30 * CONF_DAY_MS, true, "longest retry delay")                                \
    X(DURATION, timeout, -1, 1, 30 * CONF_DAY_MS, true, "hard timeout: the worker is killed")                          \
    X(DURATION, soft_timeout, 0, 0, 30 * CONF_DAY_MS, true, "the handler is asked to stop; 0: nine tenths of timeout") \
    X(DURATION, cpu, 0, 0, 30 * CONF_DAY_MS, true, "CPU time of one job, whole seconds; 0: as timeout")                \
    X(BOOL, track, -1, 0, 1, true, "keep a status after the end")                                                      \
    X(DURATION, retain, 3600000, 1000, 365 * CONF_DAY_MS, true, "how long that status is kept")                        \
    X(DURATION, unknown_grace, 300000, 0, 30 * CONF_DAY_MS, true,                                                      \
      "how long a job of a kind no worker knows waits for a newer worker; only in [kind.default]")                     \
    X(STR, on_hard_timeout, "once", 4, 10, true, "killed past its timeout: once, lane, quarantine or free")            \
    X(STR, on_soft_timeout, "once", 4, 10, true, "stopped at its soft timeout (the same words)")                       \
    X(STR, on_cpu_limit, "once", 4, 10, true, "it used up its CPU time")                                               \
    X(STR, on_mem_limit, "lane", 4, 10, true, "an allocation failed; lane is once where no pool serves the lane")      \
    X(STR, on_oom_kill, "lane", 4, 10, true, "the kernel ended it for want of memory")                                 \
    X(STR, on_signal, "once", 4, 10, true, "its process crashed")                                                      \
    X(STR, on_sandbox_violation, "once", 4, 10, true, "it made a system call its sandbox refuses")                     \
    X(STR, on_worker_lost, "once", 4, 10, true, "its whole host was lost")                                             \
    X(STR, on_operator_kill, "once", 4, 10, true, "an operator killed its worker")                                     \
    X(STR, on_boot_failure, "free", 4, 10, true, "what it needs did not start (the PDF parser)")

/* The fixed sections: S(section name, struct suffix, table). Pools and kinds repeat: [queue.NAME], [pool.NAME], [kind.NAME]. */
#define CONF_SECTIONS(S)                                                                                               \
    S(redis, CONF_REDIS)                                                                                               \
    S(postgres, CONF_POSTGRES)                                                                                         \
    S(supervisor, CONF_SUPERVISOR)                                                                                     \
    S(relay, CONF_RELAY)                                                                                               \
    S(dead, CONF_DEAD)                                                                                                 \
    S(metrics, CONF_METRICS)                                                                                           \
    S(console, CONF_CONSOLE)                                                                                           \
    S(match, CONF_MATCH)                                                                                               \
    S(pdf, CONF_PDF)
