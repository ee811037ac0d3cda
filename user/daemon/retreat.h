/* The daemon's way from what starting takes to what running takes (user/privilege). It logs. */
#pragma once

#include "config/bootstrap.h"
#include "kernel/tap.h"

/* Before anything is attached: a capability that is missing is an error; the folder of the admin socket
 * is made for whom the daemon will be. 0, -EPERM. */
int retreat_prepare(const struct bootstrap *bootstrap);

/* When everything is attached and open. What is read again later, certificates, has to be readable still:
 * else it is an error now, not when they are replaced. 0 or -errno. */
int retreat(const struct bootstrap *bootstrap, struct tap *tap);

/* A line for each system call that was refused since the last time. */
void retreat_tell_refused(void);
