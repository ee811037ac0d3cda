/* The kernel's grace period (RCU), which every BPF program here runs inside of. */
#pragma once

/* Returns when each program that ran at the time of the call has ended: some milliseconds. 0 or
 * -errno (-EINVAL on a kernel with nohz_full). */
int grace_wait(void);
