#include "daemon/signals.h"

#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

struct signals {
    struct signals_events events;
    struct event *each[ARRAY_SIZE(numbers)];
};

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct signals *signals = arg;

    (void)what;
    if (number == SIGUSR1)
        signals->events.ask(signals->events.arg);
    else if (number == SIGHUP)
        signals->events.reload(signals->events.arg);
    else
        signals->events.end(signals->events.arg, (int)number);
}

/* By nohup, so that it outlives its terminal. */
static bool ignores_hangup(void)
{
    struct sigaction action;

    return !sigaction(SIGHUP, NULL, &action) && action.sa_handler == SIG_IGN;
}

struct signals *signals_catch(struct event_base *base, const struct signals_events *events)
{
    struct signals *signals = calloc(1, sizeof(*signals));

    if (!signals)
        return NULL;
    signal(SIGPIPE, SIG_IGN);
    signals->events = *events;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (numbers[i] == SIGHUP && ignores_hangup())
            continue;
        signals->each[i] = evsignal_new(base, numbers[i], on_signal, signals);
        if (!signals->each[i]) {
            signals_free(signals);
            return NULL;
        }
        event_add(signals->each[i], NULL);
    }
    return signals;
}

void signals_free(struct signals *signals)
{
    if (!signals)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (signals->each[i])
            event_free(signals->each[i]);
    free(signals);
}
