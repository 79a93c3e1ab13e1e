/*
 * fuzz_conf - any bytes as a configuration file: an error that explains itself, or a configuration that prints and reads back.
 */
#include "buf.h"
#include "conf.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(struct conf *c, const void *data, size_t size, struct err *e)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        abort();
    int rc = conf_load_fd(c, fd, e);
    (void)close(fd);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    struct conf *c = calloc(1, sizeof *c), *again = calloc(1, sizeof *again);
    struct err e = {0};
    if (c == NULL || again == NULL)
        abort();
    int rc = load(c, data, size, &e);
    if (rc < 0 && e.message[0] == '\0')
        abort();
    if (rc == 0) {
        struct buf out;
        buf_init(&out, 1 << 20);
        if (conf_print(c, &out, true) < 0 || load(again, out.data, out.len, &e) < 0)
            abort();
        buf_fini(&out);
    }
    free(c);
    free(again);
    return 0;
}
