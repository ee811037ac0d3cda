/* The collector's command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/address.h"
#include "base/log.h"
#include "collector/answer.h"
#include "collector/tls.h"

enum options_action {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

struct options {
    enum options_action action;
    struct address listen;
    struct ask ask;       /* the clusters' names are the caller's argv strings, as are: */
    const char *settings; /* NULL: none */
    struct tls_files tls; /* certificate NULL: plain TCP */
    const char *output;   /* NULL: stdout */
    bool has_metrics;
    struct address metrics;
    size_t label_sets;
    enum log_level level;
    enum log_format log_format;
};

#define OPTIONS_LABEL_SETS 10000
#define OPTIONS_LABEL_SETS_MAX 1000000

/* 0; -EINVAL with one line in `error`; -ENOMEM. */
int options_parse(int argc, char **argv, struct options *out, char *error, size_t error_size);
void options_clear(struct options *options);

/* What --help prints. */
void options_print_help(FILE *out);
