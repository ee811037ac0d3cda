/* What the pages show, as it is now. All borrowed; the pages only look. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/bootstrap.h"
#include "report/reporter.h"
#include "stream/tls_certificates.h"
#include "upstream/hosts.h"

struct admin_view {
    const struct bootstrap *bootstrap;
    const struct clusters *clusters; /* its own */
    const struct hosts *hosts;
    struct reporter *reporter; /* is only looked at */
    const char *lrs_target;    /* whom the reports go to: a cluster, or a host that is none */
    uint64_t now_us;           /* monotonic */
    uint64_t wall_us;          /* since 1970 */
    /* The counters of a slot. */
    void (*read)(void *arg, uint32_t slot, struct counters *out);
    /* The i-th name of the configuration that resolves to the host's address now; NULL past the end. */
    const char *(*name)(void *arg, const struct host *host, size_t i);
    /* Has nobody dialled it for undialled_endpoint_time? */
    bool (*undialled)(void *arg, const struct host *host);
    /* Tells each certificate of the management server's TLS, as the files are now. 0 or -errno. */
    int (*certificates)(void *arg, tls_certificate_fn *each, void *each_arg);
    void *arg;
};
