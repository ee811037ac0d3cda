#include "daemon/attach.h"

#include <unistd.h>

#include "base/log.h"
#include "daemon/retreat.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_mounts.h"
#include "kernel/hooks.h"
#include "upstream/estimate.h"

/* Only at this very cgroup: one above it may well be of another node. Whose the programs are stays unknown
 * without CAP_SYS_ADMIN. */
static void warn_of_another(const struct tap_options *options)
{
    struct hook_user users[HOOK_USERS_MAX];
    char path[CGROUP_PATH_MAX], error[TAP_ERROR_MAX];
    size_t count;
    int fd =
        cgroup_open(options->cgroup, options->own_pod, path, sizeof(path), error, sizeof(error));

    if (fd < 0)
        return; /* tap_open() says why */
    if (!hooks_list(fd, false, users, &count) && hooks_have_loadtap(users, count))
        log_warning("another loadtap is attached to cgroup %s: two of one node report each request "
                    "twice (loadtap doctor names its programs)",
                    path);
    close(fd);
}

int attach(const struct bootstrap *bootstrap, struct hosts *hosts, struct tap **out)
{
    const struct tap_options options = {
        .cgroup = bootstrap->cgroup_path,
        .own_pod = bootstrap->pod_cgroup,
        .slots = (uint32_t)estimate_hosts(&bootstrap->clusters),
        .checked = (uint32_t)estimate_checked(&bootstrap->clusters),
    };
    char error[TAP_ERROR_MAX];
    int result = retreat_prepare(bootstrap);

    if (result)
        return result;
    warn_of_another(&options);
    /* Half a second of processor time, which under load takes many times as long. */
    log_info("the kernel verifies the BPF programs");
    result = tap_open(&options, out, error);
    if (result) {
        log_error("%s", error);
        return result;
    }
    hosts_limit(hosts, options.slots);
    log_info("%s", tap_description(*out));
    if (tap_limits(*out))
        log_warning("%s", tap_limits(*out));
    return 0;
}
