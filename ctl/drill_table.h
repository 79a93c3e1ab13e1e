/*
 * drill_table - the menu of the failure lab: what each fault does, and what must come of it. Expanded by drill.c.
 *
 * X(name, act, what, payload, options, state, causes, code, attempts, crashes, within_s)
 *   act       how the fault is made (enum drill_act in drill.h)
 *   what      one clause: what will be done
 *   payload   of the probe job;  options: further members of stint_enqueue's options object
 *   state     the end of the job;  causes: allowed causes of its last error, comma-separated, none among them; "": none
 *   code      of that error, "": any;  attempts, crashes: what it must have cost; -1: not looked at
 *   within_s  the end must be seen that soon after the fault
 */
#pragma once

#define DRILL_TABLE(X)                                                                                                 \
    X("fail-once", SEND, "the handler fails once, then succeeds",                                                      \
      "{\"v\":1,\"do\":\"fail\",\"times\":1}", "{}", "done", "handler_error", "HANDLER_FAILED", 1, 0, 30)              \
    X("fail", SEND, "the handler fails as often as it may (attempts: 2)",                                              \
      "{\"v\":1,\"do\":\"fail\"}", "{\"attempts\":2}", "dead", "handler_error", "HANDLER_FAILED", 2, 0, 30)            \
    X("fail-for-good", SEND, "the handler says that it can never work",                                                \
      "{\"v\":1,\"do\":\"fail-permanent\"}", "{}", "dead", "handler_error", "HANDLER_REFUSED", 1, 0, 30)               \
    X("bad-payload", SEND, "a payload the handler does not know",                                                      \
      "{\"v\":1,\"do\":\"nonsense\"}", "{}", "dead", "handler_error", "BAD_PAYLOAD", 1, 0, 30)                         \
    X("segfault", SEND, "the worker dies of SIGSEGV on the first run",                                                 \
      "{\"v\":1,\"do\":\"crash\",\"times\":1}", "{}", "done", "signal:SIGSEGV", "", 0, 1, 30)                          \
    X("stack-overflow", SEND, "the handler calls itself until its stack is gone",                                      \
      "{\"v\":1,\"do\":\"overflow\",\"times\":1}", "{}", "done", "signal:SIGSEGV", "", 0, 1, 30)                       \
    X("forbidden-call", SEND, "a system call that the worker's sandbox refuses",                                       \
      "{\"v\":1,\"do\":\"syscall\",\"times\":1}", "{}", "done", "sandbox_violation", "", 0, 1, 30)                     \
    X("abort", SEND, "the worker dies of abort() on the first run",                                                    \
      "{\"v\":1,\"do\":\"abort\",\"times\":1}", "{}", "done", "signal:SIGABRT", "", 0, 1, 30)                          \
    X("exit", SEND, "the handler calls exit(3) on the first run",                                                      \
      "{\"v\":1,\"do\":\"exit\",\"times\":1}", "{}", "done", "handler_error", "", 0, 1, 30)                            \
    X("worker-killer", SEND, "a job that kills every worker it meets, whatever its attempts (50)",                     \
      "{\"v\":1,\"do\":\"crash\"}", "{\"attempts\":50}", "dead", "signal:SIGSEGV", "", 0, 2, 30)                       \
    X("soft-timeout", SEND, "a handler that stops when asked, past nine tenths of its 2 s",                            \
      "{\"v\":1,\"do\":\"sleep\",\"ms\":600000,\"times\":1}", "{\"timeout_ms\":2000}", "done", "soft_timeout",         \
      "TIMEOUT", 1, 0, 40)                                                                                             \
    X("hang", SEND, "a handler that hears nothing any more: killed past its 2 s",                                      \
      "{\"v\":1,\"do\":\"hang\",\"times\":1}", "{\"timeout_ms\":2000}", "done", "hard_timeout", "TIMEOUT", 0, 1, 40)   \
    X("spin", SEND, "a handler in an endless loop: past its CPU time or its 3 s",                                      \
      "{\"v\":1,\"do\":\"spin\",\"times\":1}", "{\"timeout_ms\":3000}", "done", "cpu_limit,hard_timeout", "", 0, 1,    \
      40)                                                                                                              \
    X("memory", MEMORY, "a handler that allocates until its limit, on the first run",                                  \
      "{\"v\":1,\"do\":\"alloc\",\"times\":1}", "{}", "done", "mem_limit,oom_kill", "MEM_LIMIT", 0, 1, 60)             \
    X("fork-bomb", FORK, "a handler that forks until it is refused",                                                   \
      "{\"v\":1,\"do\":\"fork-many\",\"ms\":0}", "{}", "done", "", "", 0, 0, 30)                                       \
    X("parser-kill", PARSER, "kill -9 of every parser, then a document to parse",                                      \
      "{\"v\":1,\"expect\":\"text\"}", "{}", "done", "none,handler_error,signal:SIGKILL", "", -1, 0, 60)               \
    X("kill-9", KILL, "kill -9 of the worker that runs the job",                                                       \
      "{\"v\":1,\"do\":\"sleep\",\"ms\":20000,\"times\":1}", "{}", "done", "signal:SIGKILL", "", 0, 1, 15)             \
    X("operator-kill", OPERATOR, "stint worker kill of the worker that runs the job",                                  \
      "{\"v\":1,\"do\":\"sleep\",\"ms\":20000,\"times\":1}", "{}", "done", "operator_kill", "", 0, -1, 15)             \
    X("deploy", DEPLOY, "reload and replacement of every worker of the pool while the job runs",                       \
      "{\"v\":1,\"do\":\"sleep\",\"ms\":3000}", "{}", "done", "", "", 0, 0, 60)                                        \
    X("cancel", CANCEL, "the job is cancelled while it runs",                                                          \
      "{\"v\":1,\"do\":\"sleep\",\"ms\":20000}", "{}", "cancelled", "", "", 0, 0, 15)                                  \
    X("pause", PAUSE, "the kind is paused, a job waits a second, the kind is resumed",                                 \
      "{\"v\":1,\"do\":\"ok\"}", "{}", "done", "", "", 0, 0, 15)                                                       \
    X("duplicate", DUPLICATE, "the same job enqueued twice under one unique key",                                      \
      "{\"v\":1,\"do\":\"ok\"}", "{}", "done", "", "", 0, 0, 30)                                                       \
    X("burst", BURST, "300 jobs at once",                                                                              \
      "{\"v\":1,\"do\":\"ok\"}", "{}", "done", "", "", 0, 0, 60)
