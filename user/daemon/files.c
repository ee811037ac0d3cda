#include "daemon/files.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/log.h"

int files_allow(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= FILES_NEEDED)
        return 0;
    if (limit.rlim_max < FILES_NEEDED) {
        log_error("only %llu files may be open at once, %d are expected: raise the limit "
                  "(ulimit -n)",
                  (unsigned long long)limit.rlim_max, FILES_NEEDED);
        return -EMFILE;
    }
    limit.rlim_cur = FILES_NEEDED;
    return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}
