/*
 * stint - the operator's command. Everything it can do is a row of verb_table.h.
 */
#include "verb.h"

#include <locale.h>
#include <signal.h>

int main(int argc, char *argv[])
{
    /* 1. Characters are measured as UTF-8 whatever the caller's locale; numbers stay in the C form. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    /* 2. A service that goes away is an error of its connection, not our end; a reader of our output that goes away ends
     *    the verb quietly (verb.c). */
    (void)signal(SIGPIPE, SIG_IGN);
    /* 3. Find the verb, read its options, run it. */
    return verb_main(argc, argv);
}
