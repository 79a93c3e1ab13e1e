/*
 * exit_cause - see exit_cause.h. The one place where a death gets its name; refuses to guess: a SIGKILL that nothing
 * explains is "signal:SIGKILL", never "oom_kill".
 */
#include "exit_cause.h"

#include "ipc.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

const char *exit_signal_name(int signal)
{
    static const char *const names[] = {
#define N(name) [name] = #name
        N(SIGHUP),  N(SIGINT),    N(SIGQUIT), N(SIGILL),   N(SIGTRAP), N(SIGABRT), N(SIGBUS),  N(SIGFPE),
        N(SIGKILL), N(SIGUSR1),   N(SIGSEGV), N(SIGUSR2),  N(SIGPIPE), N(SIGALRM), N(SIGTERM), N(SIGSTKFLT),
        N(SIGCHLD), N(SIGCONT),   N(SIGSTOP), N(SIGTSTP),  N(SIGTTIN), N(SIGTTOU), N(SIGURG),  N(SIGXCPU),
        N(SIGXFSZ), N(SIGVTALRM), N(SIGPROF), N(SIGWINCH), N(SIGIO),   N(SIGPWR),  N(SIGSYS),
#undef N
    };
    if (signal > 0 && (size_t)signal < ARRAY_LEN(names) && names[signal] != NULL)
        return names[signal];
    return signal >= SIGRTMIN && signal <= SIGRTMAX ? "SIGRT" : "SIG?";
}

/* Signals whose name says less than what the kernel meant by them. */
static const struct {
    int signal;
    const char *cause;
    int code;
    const char *meaning;
} special_signals[] = {
    {SIGXCPU, "cpu_limit", ERR_CPU_LIMIT, "it used up its CPU time"},
    {SIGSYS, "sandbox_violation", ERR_SANDBOX_VIOLATION, "it made a system call its sandbox refuses"},
};

/* What we did, when that alone explains the end. */
static const struct {
    const char *cause;
    int code;
    const char *meaning;
} intents[EXIT_INTENT_COUNT] = {
    [EXIT_INTENT_BOOT_TIMEOUT] = {"boot_failure", ERR_BOOT_FAILURE, "it was not ready in time"},
    [EXIT_INTENT_HARD_TIMEOUT] = {"hard_timeout", ERR_TIMEOUT, "its job ran past its hard timeout"},
    [EXIT_INTENT_OPERATOR_KILL] = {"operator_kill", ERR_CRASH, "an operator ended it"},
};

/* Exit codes of ipc.h after READY. */
static const struct {
    int status;
    const char *cause; /* "": no fault */
    int code;
    bool blames;
    const char *meaning;
} exits[] = {
    {WORKER_EXIT_OK, "", 0, false, "it ended as it should"},
    {WORKER_EXIT_BOOT, "boot_failure", ERR_BOOT_FAILURE, false, "it could not go on: configuration, limits or sandbox"},
    {WORKER_EXIT_MEM_LIMIT, "mem_limit", ERR_MEM_LIMIT, true, "an allocation failed: it reached its memory limit"},
    {WORKER_EXIT_FATAL, "handler_error", ERR_HANDLER_FAILED, false, "it met an error that only a change can mend"},
    {WORKER_EXIT_ORPHANED, "", 0, false, "it took its supervisor for gone"},
};

static void verdict(struct exit_verdict *v, const char *cause, int code, const char *meaning)
{
    (void)snprintf(v->cause, sizeof v->cause, "%s", cause);
    v->code = code;
    if (v->signal != NULL)
        (void)snprintf(v->message, sizeof v->message, "the worker was ended by %s: %s", v->signal, meaning);
    else
        (void)snprintf(v->message, sizeof v->message, "the worker exited with status %d: %s", v->exit_status, meaning);
}

/* The blame when the job in hand is the suspect: alone when it ran alone. */
static enum exit_blame blame_of(const struct exit_facts *f)
{
    if (!f->score_known)
        return EXIT_BLAME_ROUND;
    switch ((enum worker_phase)f->now.phase) {
    case PHASE_RUN:
    case PHASE_FINISH:
        if (f->now.running == 1 && f->now.entry[0] != '\0')
            return EXIT_BLAME_ENTRY;
        return EXIT_BLAME_ROUND;
    case PHASE_BOOT:
    case PHASE_IDLE:
    case PHASE_FETCH:
    case PHASE_AWAY:
    case PHASE_QUIET:
    case PHASE_STOP:
    case PHASE_COUNT:
        break;
    }
    return EXIT_BLAME_ROUND;
}

static void verdict_of_signal(const struct exit_facts *f, struct exit_verdict *v, int signal)
{
    v->blame = blame_of(f);
    for (size_t i = 0; i < ARRAY_LEN(special_signals); i++) {
        if (special_signals[i].signal == signal) {
            char meaning[128];
            if (signal == SIGSYS && f->refused_call != NULL) {
                (void)snprintf(meaning, sizeof meaning, "it made the system call %.32s, which its sandbox refuses",
                               f->refused_call);
                verdict(v, special_signals[i].cause, special_signals[i].code, meaning);
                return;
            }
            verdict(v, special_signals[i].cause, special_signals[i].code, special_signals[i].meaning);
            return;
        }
    }
    if (signal == SIGKILL && f->oom_killed) {
        verdict(v, "oom_kill", ERR_MEM_LIMIT, "the kernel ended it for want of memory");
        return;
    }
    char cause[sizeof v->cause];
    (void)snprintf(cause, sizeof cause, "signal:%s", v->signal);
    verdict(v, cause, ERR_CRASH, signal == SIGKILL ? "sent by someone other than its supervisor" : "it crashed");
}

static void verdict_of_exit(const struct exit_facts *f, struct exit_verdict *v)
{
    for (size_t i = 0; i < ARRAY_LEN(exits); i++) {
        if (exits[i].status == v->exit_status) {
            verdict(v, exits[i].cause, exits[i].code, exits[i].meaning);
            v->blame = exits[i].blames ? blame_of(f) : EXIT_BLAME_NOBODY;
            return;
        }
    }
    verdict(v, "handler_error", ERR_CRASH, "something in it called exit");
    v->blame = blame_of(f);
}

/* True when what the supervisor did explains the end better than the wait status does. */
static bool intent_explains(const struct exit_facts *f, const struct exit_verdict *v)
{
    if (intents[f->intent].cause == NULL)
        return false;
    /* The job ended in the moment the signal was sent, and the worker then went in peace. */
    bool in_peace = v->signal == NULL && v->exit_status == WORKER_EXIT_OK;
    return !in_peace || (f->score_known && f->now.phase == PHASE_RUN);
}

static void verdict_of_boot(const struct exit_facts *f, struct exit_verdict *v)
{
    const char *meaning = "it ended before it was ready";
    if (f->intent == EXIT_INTENT_BOOT_TIMEOUT)
        meaning = intents[EXIT_INTENT_BOOT_TIMEOUT].meaning;
    else if (f->oom_killed)
        meaning = "the kernel ended it for want of memory before it was ready; raise cgroup_memory of its pool";
    verdict(v, "boot_failure", ERR_BOOT_FAILURE, meaning);
    v->boot_failure = true;
}

void exit_cause_of(const struct exit_facts *f, struct exit_verdict *ret)
{
    struct exit_verdict v = {.exit_status = -1};
    if (WIFSIGNALED(f->wait_status))
        v.signal = exit_signal_name(WTERMSIG(f->wait_status));
    else
        v.exit_status = WEXITSTATUS(f->wait_status);

    if (f->intent == EXIT_INTENT_DRAIN_KILL) {
        verdict(&v, "", 0, "the drain was over; what it held is handed back");
    } else if (f->intent == EXIT_INTENT_LATE_KILL) {
        verdict(&v, "", 0, "the job it was signalled for had just ended; what it held is handed back");
    } else if (!f->was_ready && f->intent != EXIT_INTENT_STOP && f->intent != EXIT_INTENT_OPERATOR_KILL) {
        verdict_of_boot(f, &v);
    } else if (!f->was_ready) {
        verdict(&v, "", 0, "it was ended before it was ready");
    } else if (intent_explains(f, &v)) {
        verdict(&v, intents[f->intent].cause, intents[f->intent].code, intents[f->intent].meaning);
        v.blame = blame_of(f);
    } else if (v.signal != NULL) {
        verdict_of_signal(f, &v, WTERMSIG(f->wait_status));
    } else {
        verdict_of_exit(f, &v);
    }
    bool asked = f->recycled || f->intent == EXIT_INTENT_STOP || f->intent == EXIT_INTENT_OPERATOR_KILL ||
                 f->intent == EXIT_INTENT_LATE_KILL || f->intent == EXIT_INTENT_DRAIN_KILL;
    v.failure = v.boot_failure || (v.cause[0] != '\0' && f->intent != EXIT_INTENT_OPERATOR_KILL) || !asked;
    *ret = v;
}
