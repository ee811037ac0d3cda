#include "kernel/probes.h"

#include <string.h>

#include "kernel/huffman.h"

/* The pattern's NUL has to fit too: it is what the end of a Host field is compared with. */
static bool fits(const struct health_check *check)
{
    size_t path = strlen(check->path);

    return path > 0 && path < PROBE_PATH_MAX && strlen(check->host) < PROBE_HOST_MAX;
}

/* For HTTP/2, where strings come in either coding, or as an index into HPACK's static table. */
static void fill_coded(struct probe_set *out, size_t i)
{
    const struct probe *probe = &out->probe[i];
    struct probe_coded *coded = &out->coded[i];

    coded->path_len =
        (__u8)huffman_encode(probe->path, probe->path_len, coded->path, sizeof(coded->path));
    coded->host_len =
        (__u8)huffman_encode(probe->host, probe->host_len, coded->host, sizeof(coded->host));
    out->slash |= (__u8)(!strcmp(probe->path, "/") << i);
    out->index |= (__u8)(!strcmp(probe->path, "/index.html") << i);
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
        memcpy(probe->host, check->host, probe->host_len);
        fill_coded(out, count++);
    }
    return count;
}
