/* Real programs, real sockets: a tap on a cgroup of the test's own, which the test itself enters.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/tap.h"

#define FIXTURE_PORT 8080

enum fixture_slot {
    SLOT_AUTO,
    SLOT_TCP,
    SLOT_V6,
    SLOT_CHECKED,
    SLOT_REFUSED,
    SLOT_FAR,
    SLOT_OPAQUE,
    SLOTS
};

/* cmocka group setup: the tap observes 127.0.0.1 to 127.0.0.5, ::1 and 192.0.2.1 at FIXTURE_PORT;
 * nobody listens on 127.0.0.4, and 192.0.2.1 is for the test to set up. */
int fixture_setup(void **state);
/* The same with the early object, which older kernels get. */
int fixture_setup_early(void **state);
/* Runs the tests with the object that suits this kernel, and once more with the early one. */
#define fixture_run_with_each_object(tests)                                                        \
    (cmocka_run_group_tests(tests, fixture_setup, fixture_teardown) +                              \
     (fixture_was_early()                                                                          \
          ? 0                                                                                      \
          : cmocka_run_group_tests_name("early", tests, fixture_setup_early, fixture_teardown)))
bool fixture_was_early(void);
/* Skips the whole program, with the reason in its output, where this kernel has not a feature of the
 * tap. To be called before any group. */
bool fixture_skips(bool (*has)(const struct tap *), const char *reason);
int fixture_teardown(void **state);
/* The setup in two steps: first the cgroup, then the tap. */
int fixture_enter(void **state);
int fixture_attach(void);
void fixture_leave(void); /* the cgroup, until the teardown */
struct tap *fixture_tap(void);

int listen_on(const char *ip, uint16_t port);
int dial(const char *ip, uint16_t port); /* a connected socket, or -errno */
int accept_one(int listener);
void say(int fd, const char *text);
void hear(int fd, const char *text); /* exactly this, within seconds */
void abort_connection(int fd);       /* RST instead of FIN */

/* What the slot counted since the last call for it, once it is `what` equals `count` (waits for
 * it). */
struct counters counted(uint32_t slot);
/* At every instant, of absolute numbers: every issued request is somewhere. */
bool adds_up(const struct counters *c, uint64_t awaiting);
