/* Who is attached where loadtap attaches. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOK_USERS_MAX 64 /* more are not looked at */

struct hook_user {
    const char *hook; /* static text: "egress" */
    uint32_t id;      /* of its program, as bpftool shows it */
    char name[16];    /* "" where the process may not ask (CAP_SYS_ADMIN) */
};

/* The programs that are attached to a cgroup (open); with `above` all that run for its sockets, those of the
 * cgroups above it too. At most HOOK_USERS_MAX in `out`; `*count`: how many. 0 or -errno. */
int hooks_list(int cgroup, bool above, struct hook_user *out, size_t *count);

/* Is a loadtap among them, by the names of its programs? */
bool hooks_have_loadtap(const struct hook_user *users, size_t count);
