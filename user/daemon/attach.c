#include "daemon/attach.h"

#include "base/log.h"
#include "daemon/retreat.h"
#include "upstream/estimate.h"

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
