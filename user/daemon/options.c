#include "daemon/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/flags.h"
#include "base/mem.h"

static int read_mode(void *member, const char *value)
{
    enum run_mode *mode = member;

    if (strcmp(value, "serve") == 0)
        *mode = RUN_SERVE;
    else if (strcmp(value, "validate") == 0)
        *mode = RUN_VALIDATE;
    else
        return -EINVAL;
    return 0;
}

static int read_level(void *member, const char *value)
{
    return log_level_parse(value, member);
}

/* As Envoy, it takes every text, even none. */
static int read_text(void *member, const char *value)
{
    *(const char **)member = value;
    return 0;
}

/* Envoy's flag of this name takes a pattern. */
static int read_format(void *member, const char *value)
{
    struct options *options = member;

    options->has_log_format = true;
    return log_format_parse(value, &options->log_format);
}

#define MEMBER(name) offsetof(struct options, name)
#define LEVELS "trace, debug, info, warning, error, critical, off"

static const struct flag table[] = {
    {"--config-path", "-c", "FILE", "Envoy bootstrap, YAML or JSON (.json)", read_text,
     MEMBER(config_path), NULL, false},
    {"--config-yaml", NULL, "TEXT", "YAML that is merged on top of the file", read_text,
     MEMBER(config_yaml), NULL, false},
    {"--config-expand-env", NULL, NULL,
     "${NAME} in values of either is the environment's NAME, $$ is $", flag_presence,
     MEMBER(config_expand_env), NULL, false},
    {"--mode", NULL, "serve|validate", "validate: load, check, say so, and exit", read_mode,
     MEMBER(mode), "serve or validate", false},
    {"--service-node", NULL, "ID", "replaces node.id", read_text, MEMBER(service_node), NULL,
     false},
    {"--service-cluster", NULL, "NAME", "replaces node.cluster", read_text, MEMBER(service_cluster),
     NULL, false},
    {"--service-zone", NULL, "ZONE", "replaces node.locality.zone", read_text, MEMBER(service_zone),
     NULL, false},
    {"--log-level", "-l", "LEVEL", LEVELS, read_level, MEMBER(log_level),
     "trace, debug, info, warning, error, critical or off", false},
    {"--log-format", NULL, "text|json",
     "how a line of the log is written; json also where the bootstrap's log_format has a "
     "json_format",
     read_format, 0, "text or json (a pattern, as Envoy's, is not supported)", false},
    {"--help", "-h", NULL, "this", flag_presence, MEMBER(help), NULL, true},
    {"--version", NULL, NULL, "which loadtap this is", flag_presence, MEMBER(version), NULL, true},
};

static const struct flags flags = {
    .usage = "loadtap -c FILE [flags]\n"
             "       loadtap COMMAND [flags]",
    .about = "Counts what this machine's proxies send to their upstreams, and reports it to a\n"
             "management server over Envoy's Load Reporting Service.",
    .table = table,
    .count = ARRAY_SIZE(table),
};

int options_parse(int argc, char **argv, struct options *out, char *error, size_t error_size)
{
    struct options options = {.log_level = LOG_LEVEL_INFO};
    int failed = flags_parse(&flags, argc, argv, &options, error, error_size);

    if (failed)
        return failed;
    if (!options.help && !options.version && !options.config_path && !options.config_yaml) {
        snprintf(error, error_size, "no configuration: give -c FILE, or --config-yaml TEXT");
        return -EINVAL;
    }
    *out = options;
    return 0;
}

void options_print_help(FILE *out)
{
    flags_print(&flags, out);
}
