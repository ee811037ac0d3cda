/* The signals that a person, a supervisor or a terminal sends. */
#pragma once

struct event_base;
struct signals;

struct signals_events {
    void (*end)(void *arg, int number); /* SIGINT or SIGTERM */
    void (*reload)(void *arg);          /* SIGHUP */
    void (*ask)(void *arg);             /* SIGUSR1 */
    void *arg;
};

/* From now on they come as events; SIGPIPE is ignored, and SIGHUP stays so where it was (nohup). Borrows
 * base. NULL: no memory. */
struct signals *signals_catch(struct event_base *base, const struct signals_events *events);
void signals_free(struct signals *signals); /* NULL is fine */
