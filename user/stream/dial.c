#include "stream/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"

/* For each address in turn:  begin --connect()--> writable (SO_ERROR 0) --> done(fd) --go_on--> next address
 *                              |                     |
 *                              +--refused, timeout---+--> next address, or done(-1) */
struct dial {
    struct dial_options options;
    struct event *event;                /* runs try_next(), or is the socket's */
    size_t next;                        /* index of the address to try next */
    int fd;                             /* -1 unless connecting */
    char error[ADDRESS_TEXT_MAX + 128]; /* why the last address failed */
    struct address addresses[];
};

static void on_event(evutil_socket_t fd, short what, void *arg);

/* A management server whose machine vanished is noticed within half a minute, also while nothing is
 * sent. None of these is needed for anything to work. */
static void set_socket_options(int fd)
{
    static const int on = 1, idle_s = 15, every_s = 5, tries = 3, unacknowledged_ms = 30000;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

static int open_socket(const struct dial *dial, int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

    if (fd < 0)
        return -errno;
    set_socket_options(fd);
    err = dial->options.prepare ? dial->options.prepare(dial->options.prepare_arg, fd) : 0;
    if (!err)
        return fd;
    close(fd);
    return err;
}

static void drop_event(struct dial *dial)
{
    if (dial->event)
        event_free(TAKE(dial->event));
}

static int await(struct dial *dial, int fd)
{
    const struct timeval timeout = clock_interval(dial->options.timeout_us);

    drop_event(dial);
    dial->event = event_new(dial->options.base, fd, EV_WRITE, on_event, dial);
    return dial->event && event_add(dial->event, &timeout) == 0 ? 0 : -ENOMEM;
}

/* Begins to connect to one address. 0, or why it failed already. */
static int begin(struct dial *dial, const struct address *address)
{
    struct sockaddr_storage to;
    socklen_t length = address_to_sockaddr(address, &to);
    int fd = open_socket(dial, to.ss_family), err = 0;

    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS)
        err = -errno;
    if (!err)
        err = await(dial, fd);
    if (err)
        close(fd);
    else
        dial->fd = fd;
    return err;
}

static void note_failure(struct dial *dial, const struct address *address, int err)
{
    char text[ADDRESS_TEXT_MAX];

    snprintf(dial->error, sizeof(dial->error), "cannot connect to %s: %s",
             address_text(address, text), strerror(-err));
}

static void drop_socket(struct dial *dial)
{
    drop_event(dial);
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

static void try_next(struct dial *dial)
{
    while (dial->next < dial->options.address_count) {
        const struct address *address = &dial->addresses[dial->next++];
        int err = begin(dial, address);

        if (!err)
            return;
        note_failure(dial, address, err);
    }
    dial->options.done(dial->options.arg, -1, dial->error);
}

static int connect_result(int fd, short what)
{
    int err = 0;
    socklen_t length = sizeof(err);

    if (what & EV_TIMEOUT)
        return -ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) < 0 ? -errno : -err;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct dial *dial = arg;
    int err;

    if (dial->fd < 0) { /* no socket of ours */
        try_next(dial);
        return;
    }
    err = connect_result(fd, what);
    if (!err) {
        dial->fd = -1;
        drop_event(dial); /* while the socket is still ours */
        dial->options.done(dial->options.arg, fd, NULL);
        return;
    }
    note_failure(dial, dial_address(dial), err);
    drop_socket(dial);
    try_next(dial);
}

/* From the event loop. */
static int try_soon(struct dial *dial)
{
    dial->event = event_new(dial->options.base, -1, 0, on_event, dial);
    if (!dial->event)
        return -ENOMEM;
    event_active(dial->event, EV_TIMEOUT, 0);
    return 0;
}

bool dial_go_on(struct dial *dial)
{
    return dial->next < dial->options.address_count && !try_soon(dial);
}

int dial_start(const struct dial_options *options, struct dial **out)
{
    size_t size = options->address_count * sizeof(struct address);
    struct dial *dial;

    if (options->address_count == 0)
        return -EINVAL;
    dial = calloc(1, sizeof(*dial) + size);
    if (!dial)
        return -ENOMEM;
    memcpy(dial->addresses, options->addresses, size);
    dial->options = *options;
    dial->options.addresses = NULL; /* the caller's; ours is the copy */
    dial->fd = -1;
    if (try_soon(dial)) {
        free(dial);
        return -ENOMEM;
    }
    *out = dial;
    return 0;
}

const struct address *dial_address(const struct dial *dial)
{
    return dial->next ? &dial->addresses[dial->next - 1] : NULL;
}

void dial_free(struct dial *dial)
{
    if (!dial)
        return;
    drop_socket(dial);
    free(dial);
}
