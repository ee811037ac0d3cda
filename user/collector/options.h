/* The collector's command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/log.h"

enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

struct options {
    enum options_action action;
    struct address listen;
    uint64_t interval_us;
    char **clusters; /* the caller's argv strings; NULL where all are asked for */
    size_t cluster_count;
    bool endpoints;
    const char *output; /* NULL: stdout */
    enum log_level level;
};

/* The range of --interval. Below it clients spin (Envoy reports without pause under 1 ms). */
#define INTERVAL_MIN_US 1000ull
#define INTERVAL_MAX_US (24ull * 3600 * 1000000)

extern const char options_help[];

/* 0; -EINVAL with one line in `error`; -ENOMEM. */
int options_parse(int argc, char **argv, struct options *out, char *error, size_t error_size);
void options_clear(struct options *options);
