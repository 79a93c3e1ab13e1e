/*
 * Why: beanstalkd's own protocol is text and has no bulk call; a client that keeps many commands under way is its
 * fastest. Refuses to: be a library: tube "default", no timeouts, one connection.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUT_MAX = 1 << 20, IN_MAX = 1 << 20, RESERVE_WINDOW = 100, LINE_MAX_BYTES = 256 };

struct beanstalk {
    const struct peer_order *order;
    int fd;
    size_t out_len, in_len, in_at;
    char out[OUT_MAX], in[IN_MAX];
};

static void beanstalk_open(struct beanstalk *b)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(b->order->address, ':');
    to.sin_port = htons((uint16_t)strtoul(colon ? colon + 1 : b->order->address, NULL, 10));
    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (b->fd < 0 || connect(b->fd, (const struct sockaddr *)&to, sizeof to) < 0)
        peer_give_up("cannot reach beanstalkd");
    (void)setsockopt(b->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void flush(struct beanstalk *b)
{
    for (size_t sent = 0; sent < b->out_len;) {
        ssize_t n = write(b->fd, b->out + sent, b->out_len - sent);
        if (n <= 0)
            peer_give_up("beanstalkd closed the connection");
        sent += (size_t)n;
    }
    b->out_len = 0;
}

static void put(struct beanstalk *b, const char *text, size_t len)
{
    if (b->out_len + len > sizeof b->out)
        flush(b);
    memcpy(b->out + b->out_len, text, len);
    b->out_len += len;
}

/* At least `need` unread bytes are in the buffer; what was asked goes out first. */
static void fill(struct beanstalk *b, size_t need)
{
    if (b->out_len > 0)
        flush(b);
    if (b->in_at > 0 && b->in_at + need > sizeof b->in / 2) {
        memmove(b->in, b->in + b->in_at, b->in_len - b->in_at);
        b->in_len -= b->in_at;
        b->in_at = 0;
    }
    while (b->in_len - b->in_at < need) {
        ssize_t n = read(b->fd, b->in + b->in_len, sizeof b->in - b->in_len);
        if (n <= 0)
            peer_give_up("beanstalkd closed the connection");
        b->in_len += (size_t)n;
    }
}

/* One line of an answer, its end taken off; static. */
static const char *line(struct beanstalk *b)
{
    static char text[LINE_MAX_BYTES];
    char *end;
    while (!(end = memchr(b->in + b->in_at, '\n', b->in_len - b->in_at)))
        fill(b, b->in_len - b->in_at + 1);
    size_t len = MIN_OF((size_t)(end - (b->in + b->in_at)), sizeof text - 1);
    memcpy(text, b->in + b->in_at, len);
    text[len > 0 && text[len - 1] == '\r' ? len - 1 : len] = '\0';
    b->in_at = (size_t)(end - b->in) + 1;
    return text;
}

static void send_jobs(void *link, long first, long n, uint64_t intended_us)
{
    struct beanstalk *b = link;
    (void)first, (void)n;
    size_t len;
    char command[80];
    const char *payload = peer_payload(b->order, intended_us, &len);
    int head = snprintf(command, sizeof command, "put 1024 0 600 %zu\r\n", len);
    put(b, command, (size_t)head);
    put(b, payload, len);
    put(b, "\r\n", 2);
}

static void settle(void *link)
{
    const char *answer = line(link);
    errno = 0;
    if (strncmp(answer, "INSERTED ", 9) != 0)
        peer_give_up(answer);
}

/* Reads the answer of one reserve and runs its job; whether there was one. */
static bool take_one(struct beanstalk *b, unsigned long long *ret_id)
{
    size_t len;
    const char *answer = line(b);
    if (strcmp(answer, "TIMED_OUT") == 0)
        return false;
    errno = 0;
    if (sscanf(answer, "RESERVED %llu %zu", ret_id, &len) != 2)
        peer_give_up(answer);
    if (b->in_len - b->in_at < len + 2)
        fill(b, len + 2);
    const char *body = b->in + b->in_at;
    b->in_at += len + 2;
    peer_handle(body, len);
    return true;
}

static void delete_all(struct beanstalk *b, const unsigned long long ids[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char command[48];
        put(b, command, (size_t)snprintf(command, sizeof command, "delete %llu\r\n", ids[i]));
    }
    for (size_t i = 0; i < n; i++)
        (void)line(b);
}

/* Answers come in the order of a connection's commands, so no command may stand behind a reserve that waits: one waits
 * alone for the first job, then a window of reserves that do not wait takes what else is there. */
static void work(struct beanstalk *b)
{
    for (;;) {
        unsigned long long ids[RESERVE_WINDOW];
        put(b, "reserve\r\n", strlen("reserve\r\n"));
        (void)take_one(b, &ids[0]);
        for (size_t n = 1; n > 0;) {
            delete_all(b, ids, n);
            for (int i = 0; i < RESERVE_WINDOW; i++)
                put(b, "reserve-with-timeout 0\r\n", strlen("reserve-with-timeout 0\r\n"));
            n = 0;
            for (int i = 0; i < RESERVE_WINDOW; i++)
                n += take_one(b, &ids[n]);
        }
    }
}

void peer_beanstalkd(const struct peer_order *order)
{
    static struct beanstalk b;
    b.order = order;
    beanstalk_open(&b);
    if (strcmp(order->mode, "work") == 0)
        work(&b);
    peer_produce(
        order, &(struct peer_client){.link = &b, .send = send_jobs, .settle = settle, .bulk = 1, .bulk_window = 1000});
    (void)close(b.fd);
}
