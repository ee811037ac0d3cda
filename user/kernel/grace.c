#include "kernel/grace.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

/* Its barrier for all processes is made by waiting for a grace period: membarrier(2). */
int grace_wait(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}
