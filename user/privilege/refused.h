/* The system calls that the filter refused, of which the kernel tells by SIGSYS. */
#pragma once

/* From now on a refused call returns ENOSYS and is remembered. 0 or -errno. */
int refused_catch(void);
/* The number of a call that was refused and not yet told here, or -1. Each number comes once. */
int refused_next(void);
