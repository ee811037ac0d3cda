/* Tells the service manager that the event loop runs, where it wants to know ($WATCHDOG_USEC). */
#pragma once

#include <stdint.h>

struct event_base;
struct watchdog;

/* Borrows base. NULL: no memory. */
struct watchdog *watchdog_new(struct event_base *base);
void watchdog_free(struct watchdog *watchdog); /* NULL is fine */

/* To be called whenever the loop is awake anyway: tells, if a quarter of the manager's time has passed since
 * it did. Where nobody calls for half of that time, a timer of its own does. */
void watchdog_pass(struct watchdog *watchdog, uint64_t now_us);
