/*
 * verb_table - every verb of `stint`: what help, the dispatcher, "did you mean" and shell completion are made from.
 *
 * X(id, words, group, least, most, positionals, help, example)
 *   id           the handler is verb_<id>(), its options verb_<id>_options[], both in the file of its group
 *   least, most  positionals allowed; most VERB_MANY: any number
 */
#pragma once

#define VERB_MANY (-1)

#define VERB_TABLE(X)                                                                                                  \
    X(enqueue, "enqueue", "Jobs", 0, 1, "[KIND]",                                                                      \
      "add a job, or a file of jobs",                                                                                  \
      "stint enqueue pdf-parse --payload @job.json --band high --wait\nstint enqueue --bulk jobs.ndjson")              \
    X(job_show, "job show", "Jobs", 1, 1, "ID",                                                                        \
      "everything known of a job",                                                                                     \
      "stint job show 0192f0c1-7f2a")                                                                                  \
    X(job_wait, "job wait", "Jobs", 1, 1, "ID",                                                                        \
      "wait until a job has ended; exit 1 unless it is done",                                                          \
      "stint job wait 0192f0c1-7f2a --timeout 1m")                                                                     \
    X(job_cancel, "job cancel", "Jobs", 1, 1, "ID",                                                                    \
      "end a job that waits, ask one that runs to stop",                                                               \
      "stint job cancel 0192f0c1-7f2a --reason sent-twice")                                                            \
    X(job_repro, "job repro", "Jobs", 1, 1, "ID",                                                                      \
      "run it again in the same sandbox and limits, without effects; exit 1 when it fails again",                      \
      "stint job repro 0192f0c1-7f2a\nstint job repro 0192f0c1-7f2a --gdb")                                             \
    X(match_submit, "match submit", "The two kinds", 0, 0, "",                                                         \
      "put a person into a pool, or a file of them",                                                                   \
      "stint match submit --pool za --id ann --gender F --seeking M --age 25\nstint match submit --pool za --bulk people.ndjson")\
    X(match_leave, "match leave", "The two kinds", 1, 1, "ID",                                                         \
      "take a person out of a pool",                                                                                   \
      "stint match leave ann --pool za")                                                                               \
    X(match_status, "match status", "The two kinds", 0, 1, "[POOL]",                                                   \
      "who waits and who is matched, in numbers",                                                                      \
      "stint match status za\nstint match status za --id ann")                                                         \
    X(match_wait, "match wait", "The two kinds", 0, 1, "[POOL]",                                                       \
      "how long people will wait, by group; or one person, by ticket or attributes",                                   \
      "stint match wait za\nstint match wait za --ticket ann\nstint match wait za --gender M --seeking F --age 30")    \
    X(match_why, "match why", "The two kinds", 2, 2, "POOL TICKET",                                                    \
      "why somebody waits, and what would help; what became of who does not",                                          \
      "stint match why za ann")                                                                                        \
    X(match_stats, "match stats", "The two kinds", 0, 1, "[POOL]",                                                     \
      "a pool in numbers: rates, shares, waits, matches, and whether its estimates come true",                         \
      "stint match stats za")                                                                                          \
    X(match_balance, "match balance", "The two kinds", 0, 1, "[POOL]",                                                 \
      "the two sides, and how many more of the scarce one would bring the wait down",                                  \
      "stint match balance za --target 2m")                                                                            \
    X(match_top, "match top", "The two kinds", 0, 1, "[POOL]",                                                         \
      "a pool live: who waits, how long, matches, newest events",                                                      \
      "stint match top za\nstint match top za --once")                                                                 \
    X(match_replay, "match replay", "The two kinds", 1, 1, "FILE|-",                                                   \
      "play a trace of joins and leaves through the matcher and the wait model, without a server",                     \
      "stint match replay trace.jsonl --policy greedy --outcomes out.jsonl --predictions told.jsonl")                  \
    X(match_simulate, "match simulate", "The two kinds", 0, 0, "",                                                     \
      "made-up people live through a real pool; judges what they were told, and that nothing was lost",                \
      "stint match simulate --scenario male70 --rate 2 --horizon 5m\nstint match simulate --scenario balanced --rate 1 --horizon 30m --speed 20 --out run1\nstint match simulate --scenario balanced --rate 200 --horizon 2m") \
    X(pdf_parse, "pdf parse", "The two kinds", 1, VERB_MANY, "FILE|FOLDER|URL|-...",                                   \
      "parse timetables and show their events; --local: without a server",                                             \
      "stint pdf parse --local exams.pdf\nstint pdf parse exams.pdf lectures.pdf --ics mine.ics --term S1=2026-02-09..2026-06-05\nstint pdf parse --local inbox/ --json --out-dir results --jobs 4\ncurl -fsS URL | stint pdf parse --local - --table") \
    X(layout_list, "pdf layout list", "The two kinds", 0, 0, "",                                                       \
      "the timetables a parser knows",                                                                                 \
      "stint pdf layout list\nstint pdf layout list --layouts ./mine")                                                 \
    X(layout_show, "pdf layout show", "The two kinds", 1, 1, "NAME",                                                   \
      "a timetable's description, to copy from",                                                                       \
      "stint pdf layout show course-list")                                                                             \
    X(layout_check, "pdf layout check", "The two kinds", 0, VERB_MANY, "[FILE|FOLDER...]",                             \
      "read layout files and run their examples; exit 1 when one differs",                                             \
      "stint pdf layout check /etc/stint/layouts\nstint pdf layout check mine.layout")                                 \
    X(layout_draw, "pdf layout draw", "The two kinds", 1, 1, "NAME[:N]",                                               \
      "an example of a layout as a PDF",                                                                               \
      "stint pdf layout draw course-list:1 > example.pdf")                                                             \
    X(status, "status", "Overview", 0, 0, "",                                                                          \
      "supervisor, services, workers and queues on one screen",                                                        \
      "stint status --json")                                                                                           \
    X(top, "top", "Overview", 0, 0, "",                                                                                \
      "queues, rates, dead letters, pools and running jobs, live",                                                      \
      "stint top\nstint top --sort time\nstint top --once --json")                                                      \
    X(health, "health", "Overview", 0, 0, "",                                                                          \
      "is it alive, is it ready: by exit code, for health checks",                                                     \
      "stint health\nstint health --ready")                                                                            \
    X(queue_list, "queue list", "Queues", 0, 0, "",                                                                    \
      "every queue on one line",                                                                                       \
      "stint queue list --json")                                                                                       \
    X(queue_rows, "queue stats", "Queues", 0, 1, "[QUEUE]",                                                            \
      "bands, dead causes and the ledger of a queue",                                                                  \
      "stint queue stats pdf")                                                                                         \
    X(queue_pause, "queue pause", "Queues", 0, 1, "[QUEUE]",                                                           \
      "start no more jobs of a queue or of a kind",                                                                    \
      "stint queue pause pdf --kind pdf-parse --reason upgrade")                                                       \
    X(queue_resume, "queue resume", "Queues", 0, 1, "[QUEUE]",                                                         \
      "start them again",                                                                                              \
      "stint queue resume pdf --kind pdf-parse")                                                                       \
    X(queue_config, "queue config", "Queues", 1, 3, "QUEUE [FIELD [VALUE]]",                                           \
      "show or set a queue's weights, rate and caps",                                                                  \
      "stint queue config pdf\nstint queue config pdf rate 10")                                                        \
    X(dlq_list, "dlq list", "Dead letters", 0, 0, "",                                                                  \
      "dead letters, newest first",                                                                                    \
      "stint dlq list --kind pdf-parse --since 1h")                                                                    \
    X(dlq_show, "dlq show", "Dead letters", 1, 1, "ID",                                                                \
      "a dead letter whole: errors, evidence, payload, next step",                                                     \
      "stint dlq show 0192f0c1-7f2a")                                                                                  \
    X(dlq_triage, "dlq triage", "Dead letters", 0, 0, "",                                                              \
      "dead letters grouped into problems",                                                                            \
      "stint dlq triage --since 1d")                                                                                   \
    X(dlq_replay, "dlq replay", "Dead letters", 0, VERB_MANY, "[ID...]",                                               \
      "give dead letters another run: dry run, canary, rate, undo",                                                    \
      "stint dlq replay --code SOURCE_UNAVAILABLE --dry-run\nstint dlq replay --fingerprint 5ac1f2 --canary 5 --rate 50/s --stop-at 10\nstint dlq replay ID --edit '{\"expect\":\"table\"}'\nstint dlq replay --undo r-7k2m9qax")\
    X(replay_rate, "dlq replay rate", "Dead letters", 2, 2, "RUN N/s",                                                 \
      "change how fast a replay goes, while it goes",                                                                  \
      "stint dlq replay rate r-7k2m9qax 200/s")                                                                        \
    X(replay_pause, "dlq replay pause", "Dead letters", 1, 1, "RUN",                                                   \
      "hold a replay",                                                                                                 \
      "stint dlq replay pause r-7k2m9qax --reason lunch")                                                              \
    X(replay_resume, "dlq replay resume", "Dead letters", 1, 1, "RUN",                                                 \
      "go on with a replay that was paused, stopped, or whose tool died",                                              \
      "stint dlq replay resume r-7k2m9qax")                                                                            \
    X(replay_cancel, "dlq replay cancel", "Dead letters", 1, 1, "RUN",                                                 \
      "end a replay; what was not replayed yet stays dead",                                                            \
      "stint dlq replay cancel r-7k2m9qax")                                                                            \
    X(replay_status, "dlq replay status", "Dead letters", 1, 1, "RUN",                                                 \
      "how far a replay is, and what became of its jobs",                                                              \
      "stint dlq replay status r-7k2m9qax --follow")                                                                   \
    X(replay_list, "dlq replay list", "Dead letters", 0, 0, "",                                                        \
      "replays of the last days",                                                                                      \
      "stint dlq replay list --queue pdf")                                                                             \
    X(dlq_edit, "dlq edit", "Dead letters", 1, 1, "ID",                                                                \
      "change a dead letter's payload in place",                                                                       \
      "stint dlq edit ID --patch '{\"expect\":null}'\nstint dlq edit ID")                                              \
    X(dlq_archive, "dlq archive", "Dead letters", 0, VERB_MANY, "[ID...]",                                             \
      "move dead letters to PostgreSQL now",                                                                           \
      "stint dlq archive --until 7d\nstint dlq list --archived")                                                       \
    X(dlq_drain, "dlq drain", "Dead letters", 0, VERB_MANY, "[ID...]",                                                 \
      "write dead letters to a file, then remove them",                                                                \
      "stint dlq drain --queue pdf --out pdf-dead.ndjson\nstint dlq drain --archived --id ID --keep --out one.ndjson") \
    X(dlq_import, "dlq import", "Dead letters", 1, 1, "FILE|-",                                                        \
      "bring dead letters of a file back, as they were",                                                               \
      "stint dlq import pdf-dead.ndjson")                                                                              \
    X(dlq_purge, "dlq purge", "Dead letters", 0, VERB_MANY, "[ID...]",                                                 \
      "remove dead letters; they are archived first",                                                                  \
      "stint dlq purge --code NOT_PDF --reason \"not ours\"\nstint dlq purge --archived --until 365d")                 \
    X(worker_list, "worker list", "Workers", 0, 0, "",                                                                 \
      "what every worker does",                                                                                        \
      "stint worker list --pool pdf")                                                                                  \
    X(worker_scale, "worker scale", "Workers", 2, 2, "POOL N|auto",                                                    \
      "how many workers a pool has",                                                                                   \
      "stint worker scale pdf 4\nstint worker scale pdf auto")                                                         \
    X(worker_quiet, "worker quiet", "Workers", 0, 0, "",                                                               \
      "finish the job in hand, fetch none",                                                                            \
      "stint worker quiet --pool pdf")                                                                                 \
    X(worker_resume, "worker resume", "Workers", 0, 0, "",                                                             \
      "fetch again",                                                                                                   \
      "stint worker resume --pool pdf")                                                                                \
    X(worker_restart, "worker restart", "Workers", 0, 0, "",                                                           \
      "replace workers one by one; try a stopped pool again",                                                          \
      "stint worker restart --pool pdf")                                                                               \
    X(worker_drain, "worker drain", "Workers", 1, 1, "POOL",                                                           \
      "let a pool finish and keep it empty",                                                                           \
      "stint worker drain pdf --timeout 5m")                                                                           \
    X(worker_kill, "worker kill", "Workers", 1, 1, "SLOT",                                                             \
      "kill a worker now; its job is moved on",                                                                        \
      "stint worker kill 3")                                                                                           \
    X(reload, "reload", "Workers", 0, 0, "",                                                                           \
      "read the configuration again",                                                                                  \
      "stint reload")                                                                                                  \
    X(upgrade, "upgrade", "Workers", 0, 0, "",                                                                         \
      "hand over to the installed supervisor without a pause: after a package upgrade, or instead of a restart",       \
      "stint upgrade\nstint upgrade --timeout 1m --wait")                                                              \
    X(drain, "drain", "Workers", 0, 0, "",                                                                             \
      "finish all jobs in hand, then stop the supervisor",                                                             \
      "stint drain")                                                                                                   \
    X(drill_list, "drill list", "Operations", 0, 0, "",                                                                \
      "the failure lab: faults to make on staging, and what must come of each",                                        \
      "stint drill list")                                                                                              \
    X(drill_run, "drill run", "Operations", 1, VERB_MANY, "NAME...|all",                                               \
      "make faults on purpose with probe jobs, and judge what came of them",                                           \
      "stint drill run segfault hang\nstint drill run all --json")                                                     \
    X(outbox, "outbox", "Operations", 0, 0, "",                                                                        \
      "rows of stint_outbox: waiting, on their way, relayed, refused",                                                 \
      "stint outbox")                                                                                                  \
    X(audit, "audit", "Operations", 0, 0, "",                                                                          \
      "what operators did",                                                                                            \
      "stint audit --queue pdf --limit 20\nstint audit --action replay --since 1d\nstint audit --follow")  \
    X(console_add, "console token add", "Operations", 1, 1, "NAME",                                                    \
      "let somebody use the web console: a token, shown once",                                                         \
      "stint console token add ann --role operator")                                                                   \
    X(console_list, "console token list", "Operations", 0, 0, "",                                                      \
      "who may use the web console",                                                                                   \
      "stint console token list")                                                                                      \
    X(console_revoke, "console token revoke", "Operations", 1, 1, "NAME",                                              \
      "take a token back; its sessions end at once",                                                                   \
      "stint console token revoke ann")                                                                                \
    X(fsck, "fsck", "Operations", 0, 0, "",                                                                            \
      "prove that every job is accounted for, and mend what is not; exit 1 when something is wrong",                   \
      "stint fsck --queue pdf\nstint fsck --repair --postgres")                                                         \
    X(backup, "backup", "Operations", 0, 0, "",                                                                        \
      "copy Redis and PostgreSQL while jobs run, so that together they fit",                                           \
      "stint backup --out /var/backups/stint --keep 7\nstint backup --out before-upgrade.tar")                         \
    X(verify, "verify", "Operations", 1, 1, "BACKUP",                                                                  \
      "restore a backup into private servers and prove it there",                                                      \
      "stint verify /var/backups/stint/stint-20261122T031500Z")                                                         \
    X(restore, "restore", "Operations", 1, 1, "BACKUP",                                                                \
      "bring a backup back; finish one that was interrupted",                                                          \
      "stint restore before-upgrade.tar --dry-run\nstint restore before-upgrade.tar")                                  \
    X(config_check, "config check", "Operations", 0, 0, "",                                                            \
      "is the configuration valid",                                                                                    \
      "stint config check --config /etc/stint/stint.conf")                                                             \
    X(config_print, "config print", "Operations", 0, 0, "",                                                            \
      "the effective configuration, without secrets",                                                                  \
      "stint config print")                                                                                            \
    X(config_reference, "config reference", "Operations", 0, 0, "",                                                    \
      "every key: type, default, range, meaning",                                                                      \
      "stint config reference")                                                                                        \
    X(up, "up", "Operations", 0, 0, "",                                                                                \
      "the whole stack on this machine: private Redis and PostgreSQL, supervisor",                                     \
      "stint up --detach\nstint up --dir ~/stint")                                                                     \
    X(down, "down", "Operations", 0, 0, "",                                                                            \
      "stop that stack in order; nothing is lost",                                                                     \
      "stint down")                                                                                                    \
    X(preflight, "preflight", "Operations", 0, 0, "",                                                                  \
      "is everything outside as stint needs it; exit 5 when not",                                                      \
      "stint preflight --json")                                                                                        \
    X(migrate, "migrate", "Operations", 0, 0, "",                                                                      \
      "bring PostgreSQL's schema up to date",                                                                          \
      "stint migrate --dry-run")                                                                                       \
    X(completion, "completion", "Operations", 1, 1, "SHELL",                                                           \
      "a completion script, for: source <(stint completion bash)",                                                                                  \
      "stint completion bash >/etc/bash_completion.d/stint")                                                           \
    X(manual, "manual", "Operations", 0, 1, "[PAGE]",                                                                  \
      "a manual page, for man: stint(1) or stint.conf(5)",                                                             \
      "stint manual stint.conf | man -l -")                                                                            \
    X(help, "help", "Operations", 0, 3, "[VERB]",                                                                      \
      "what there is, or how one verb is used",                                                                        \
      "stint help dlq replay")
