/* Who is attached where loadtap attaches. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hook_user {
    const char *hook; /* static text: "egress" */
    uint32_t id;      /* of its program, as bpftool shows it */
    char name[16];    /* "" where the process may not ask (CAP_SYS_ADMIN) */
};

/* The programs that run for the sockets of a cgroup (open), those of the cgroups above it too. At most `max`
 * in `out`; `*count`: how many. 0 or -errno. */
int hooks_list(int cgroup, struct hook_user *out, size_t max, size_t *count);
