/*
 * proc_rss - see proc_rss.h. Refuses to fail: memory that cannot be read is only memory nobody recycles for.
 */
#include "proc_rss.h"

#include <fcntl.h>
#include <stdio.h>

uint64_t proc_rss_bytes(pid_t pid)
{
    char path[64], text[128];
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    char *end = NULL;
    (void)strtoull(text, &end, 10); /* total program size; the second number is resident pages */
    unsigned long long pages = strtoull(end, NULL, 10);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
