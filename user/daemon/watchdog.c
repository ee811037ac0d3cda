#include "daemon/watchdog.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/notify.h"

struct watchdog {
    uint64_t patience_us; /* 0: there is none */
    uint64_t told_us;
    struct event *timer;
};

/* A number in the environment; 0: there is none. */
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    unsigned long long number = text ? strtoull(text, &end, 10) : 0;

    return text && !*end ? number : 0;
}

/* The watchdog of this process, not of one that started it. */
static uint64_t find_patience_us(void)
{
    uint64_t pid = number_of("WATCHDOG_PID");

    return !pid || pid == (uint64_t)getpid() ? number_of("WATCHDOG_USEC") : 0;
}

static void tell(struct watchdog *watchdog)
{
    const struct timeval later = clock_interval(watchdog->patience_us / 2);

    notify_alive();
    event_add(watchdog->timer, &later);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    tell(arg);
}

struct watchdog *watchdog_new(struct event_base *base)
{
    struct watchdog *watchdog = calloc(1, sizeof(*watchdog));

    if (!watchdog)
        return NULL;
    watchdog->patience_us = find_patience_us();
    watchdog->timer = evtimer_new(base, on_timer, watchdog);
    if (!watchdog->timer) {
        free(watchdog);
        return NULL;
    }
    if (watchdog->patience_us)
        tell(watchdog);
    return watchdog;
}

void watchdog_free(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    event_free(watchdog->timer);
    free(watchdog);
}

void watchdog_pass(struct watchdog *watchdog, uint64_t now_us)
{
    if (!watchdog->patience_us || now_us - watchdog->told_us < watchdog->patience_us / 4)
        return;
    watchdog->told_us = now_us;
    tell(watchdog);
}
