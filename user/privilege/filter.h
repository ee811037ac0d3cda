/* The system calls that the daemon may make from now on. The only user of libseccomp.
 *
 * A list of what is allowed. What is not on it returns ENOSYS and goes into the log: the list is made for
 * this program with these libraries, and a library that begins to use another call must not end the
 * counting. Only starting another program ends the daemon at once (the kernel's log names it): nothing in
 * here does so, whoever tries has taken it over. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* For good. 0; -ENOMEM; -errno of the kernel (-EINVAL: it has no filters). */
int filter_install(void);

/* The name of a call that was refused and not yet told here. False: there is none. */
bool filter_next_refused(char *name, size_t size);
