/* The command line. Flags and their meaning are Envoy's; both `--flag value` and `--flag=value`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/log.h"

enum run_mode { RUN_SERVE, RUN_VALIDATE };

struct options {
    /* Borrowed from argv; NULL where not given. */
    const char *config_path;
    const char *config_yaml;
    const char *service_node, *service_cluster, *service_zone;
    enum run_mode mode;
    enum log_level log_level; /* LOG_LEVEL_INFO unless given */
    enum log_format log_format;
    bool has_log_format;
    bool config_expand_env; /* variables in the configuration's values are replaced */
    bool help, version;     /* asked for: nothing else was checked */
};

/* 0; or -EINVAL with a sentence in `error`, and `*out` unchanged. The last of several equal flags
 * wins. A configuration (either flag) is required unless help or version is asked for. */
int options_parse(int argc, char **argv, struct options *out, char *error, size_t error_size);

/* What --help prints. */
void options_print_help(FILE *out);
