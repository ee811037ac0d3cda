#include "kernel/probes.h"

#include <ctype.h>
#include <string.h>

/* The pattern's NUL has to fit too: it is what the end of a Host field is compared with. */
static bool fits(const struct health_check *check)
{
    size_t path = strlen(check->path);

    return path > 0 && path < PROBE_PATH_MAX && strlen(check->host) < PROBE_HOST_MAX;
}

size_t probes_fill(const struct cluster *cluster, struct probe_set *out)
{
    size_t count = 0;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < cluster->health_check_count && count < PROBES_PER_SET; i++) {
        const struct health_check *check = &cluster->health_checks[i];
        struct probe *probe = &out->probe[count];

        if (!fits(check))
            continue;
        probe->path_len = (__u8)strlen(check->path);
        probe->host_len = (__u8)strlen(check->host);
        memcpy(probe->path, check->path, probe->path_len);
        for (size_t c = 0; c < probe->host_len; c++)
            probe->host[c] = (char)tolower((unsigned char)check->host[c]);
        count++;
    }
    return count;
}
