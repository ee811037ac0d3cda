/* What a header field says, told from its strings: what tests compare HPACK's reader with. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "hpack_state.h"

static inline int all_digits(const char *value)
{
    return *value && strspn(value, "0123456789") == strlen(value);
}

static inline __u8 expect_status(const char *value)
{
    int number = atoi(value);

    if (strlen(value) != 3 || !all_digits(value) || number < 100 || number == 101)
        return STATUS_BAD;
    if (number < 200)
        return STATUS_INTERIM;
    return number >= 500 && number < 600 ? STATUS_5XX : STATUS_BELOW_500;
}

static inline __u8 expect_grpc_status(const char *value)
{
    static const int successes[] = {0, 1, 3, 5, 6, 7, 8, 9, 10, 11, 16};

    if (!all_digits(value) || strlen(value) > 4)
        return GRPC_ERROR;
    for (size_t i = 0; i < sizeof(successes) / sizeof(*successes); i++)
        if (atoi(value) == successes[i])
            return GRPC_SUCCESS;
    return GRPC_ERROR;
}

static inline int expect_grpc(const char *value)
{
    return !strcmp(value, "application/grpc") || !strncmp(value, "application/grpc+", 17);
}

static inline __u8 expect_matches(const struct probe_set *set, int path, const char *value)
{
    __u8 matches = 0;

    for (int i = 0; set && i < PROBES_PER_SET; i++) {
        const struct probe *probe = &set->probe[i];

        if (*value && !strcmp(path ? probe->path : probe->host, value))
            matches |= 1 << i;
    }
    return matches;
}

/* What a field adds to what its block says. */
static inline void expect_field(struct hpack_fields *f, const struct probe_set *set,
                                const char *name, const char *value)
{
    if (!strcmp(name, ":status"))
        f->status = expect_status(value);
    else if (!strcmp(name, "grpc-status"))
        f->grpc_status = f->grpc_status ? GRPC_ERROR : expect_grpc_status(value);
    else if (!strcmp(name, "content-type"))
        f->flags |= FIELDS_TYPED | (expect_grpc(value) ? FIELDS_GRPC : 0);
    else if (!strcmp(name, "user-agent"))
        f->flags |= !strcmp(value, "Envoy/HC") ? FIELDS_AGENT : 0;
    else if (!strcmp(name, ":path"))
        f->paths = expect_matches(set, 1, value);
    else if (!strcmp(name, ":authority") || !strcmp(name, "host"))
        f->hosts = expect_matches(set, 0, value);
}
