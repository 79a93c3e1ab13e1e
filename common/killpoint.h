/*
 * killpoint - named places where a test build can die, stop or fail, chosen by STINT_KILL_POINT="name[:skip]" or
 * "@FILE", a file with "name LEFT [VICTIM]" that a test may rewrite while the processes run: each death there takes one off
 * LEFT. VICTIM is self (default), worker, zygote or cell (the first below the process that passes), or the path of a file
 * that holds a pid (Redis, PostgreSQL, the supervisor): the process that passes kills it, waits until it is dead, and goes on.
 *
 * Runs in: every process of a build with STINT_TEST_HOOKS; compiled to nothing otherwise.
 */
#pragma once

#ifdef STINT_TEST_HOOKS
/* SIGKILLs the process when `name` is the chosen point and it was passed `skip` times before (default 0), or
 * when the chosen file names it with deaths left. */
void killpoint(const char *name);
#define KILL_POINT(name) killpoint(name)
#else
#define KILL_POINT(name) ((void)0)
#endif
