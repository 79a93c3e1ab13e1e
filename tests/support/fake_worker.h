/*
 * fake_worker - a worker that does what its jobs and a file tell it, so that the supervisor can be tested with every
 * way to live and die.
 *
 * Runs in: tests; as its own process, started by a supervisor under the name stint-worker. Blocks.
 *
 * Boot: the file $STINT_TEST_DIR/boot, when there is one, holds "fail" (says why, exits WORKER_EXIT_BOOT), "exit"
 * (exits 0 without a word) or "hang". Jobs: payload {"do":"ok|hang|stubborn|scribble segv|segv|exit3|mem|xcpu|sys|orphan|child
 * hang"}; "stubborn" hangs and ignores SIGTERM, "child" leaves a child in its group (pid in the file child), "orphan"
 * one outside it.
 */
#pragma once

/* Never returns to a test: its result is the process's exit code. */
int fake_worker_main(int argc, char *argv[]);
