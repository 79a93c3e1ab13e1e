/*
 * crash_page - see crash_page.h. Refuses to believe a length: what a head says is held against the file's layout.
 */
#include "crash_page.h"

#include <fcntl.h>
#include <sys/mman.h>

int crash_page_new(void)
{
    AUTO_CLOSE int fd = memfd_create("stint-crash", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, CRASH_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    int taken = fd;
    fd = -1;
    return taken;
}

bool crash_page_read(int fd, struct crash_head *ret_head)
{
    *ret_head = (struct crash_head){.syscall = -1};
    struct crash_head head = {0};
    ssize_t n = fd >= 0 ? pread(fd, &head, sizeof head, 0) : -1;
    if (n < (ssize_t)offsetof(struct crash_head, words))
        return false;
    head.words[sizeof head.words - 1] = '\0';
    bool whole = head.magic == CRASH_MAGIC && head.stack_bytes <= CRASH_STACK_MAX && head.maps_bytes <= CRASH_MAPS_MAX &&
                 head.signal > 0 && head.signal < 65;
    if (whole)
        *ret_head = head;
    else
        memcpy(ret_head->words, head.words, sizeof head.words);
    return whole;
}
