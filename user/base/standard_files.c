#include "base/standard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* open() takes the lowest number that is free, which is `fd`: those below are open. */
int standard_files_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return -errno;
    return 0;
}
