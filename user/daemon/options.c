#include "daemon/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct parse {
    struct options options;
    char *error;
    size_t error_size;
};

/* Reads the flag's value; NULL for a flag that has none. */
typedef int read_value(struct parse *parse, size_t offset, const char *value);

struct flag {
    const char *name, *short_name; /* short_name may be NULL */
    bool has_value;
    read_value *read;
    size_t offset; /* of the member of struct options */
};

__attribute__((format(printf, 2, 3))) static int fail(struct parse *parse, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parse->error, parse->error_size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int read_text(struct parse *parse, size_t offset, const char *value)
{
    *(const char **)((char *)&parse->options + offset) = value;
    return 0;
}

static int read_presence(struct parse *parse, size_t offset, const char *value)
{
    (void)value;
    *(bool *)((char *)&parse->options + offset) = true;
    return 0;
}

static int read_mode(struct parse *parse, size_t offset, const char *value)
{
    (void)offset;
    if (strcmp(value, "serve") == 0)
        parse->options.mode = RUN_SERVE;
    else if (strcmp(value, "validate") == 0)
        parse->options.mode = RUN_VALIDATE;
    else
        return fail(parse, "--mode: found '%s', expected serve or validate", value);
    return 0;
}

static int read_level(struct parse *parse, size_t offset, const char *value)
{
    (void)offset;
    if (log_level_parse(value, &parse->options.log_level) < 0)
        return fail(parse,
                    "--log-level: found '%s', expected trace, debug, info, warning, error, "
                    "critical or off",
                    value);
    return 0;
}

/* Envoy's flag of this name takes a pattern. */
static int read_format(struct parse *parse, size_t offset, const char *value)
{
    (void)offset;
    parse->options.has_log_format = true;
    if (log_format_parse(value, &parse->options.log_format) < 0)
        return fail(
            parse,
            "--log-format: found '%s', expected text or json (a pattern, as Envoy's, is not "
            "supported)",
            value);
    return 0;
}

#define MEMBER(name) offsetof(struct options, name)

static const struct flag flags[] = {
    {"--config-path", "-c", true, read_text, MEMBER(config_path)},
    {"--config-yaml", NULL, true, read_text, MEMBER(config_yaml)},
    {"--config-expand-env", NULL, false, read_presence, MEMBER(config_expand_env)},
    {"--mode", NULL, true, read_mode, 0},
    {"--service-node", NULL, true, read_text, MEMBER(service_node)},
    {"--service-cluster", NULL, true, read_text, MEMBER(service_cluster)},
    {"--service-zone", NULL, true, read_text, MEMBER(service_zone)},
    {"--log-level", "-l", true, read_level, 0},
    {"--log-format", NULL, true, read_format, 0},
    {"--help", "-h", false, read_presence, MEMBER(help)},
    {"--version", NULL, false, read_presence, MEMBER(version)},
};

/* The flag that `argument` names; `*value` is what follows a "=", or NULL. */
static const struct flag *find_flag(const char *argument, const char **value)
{
    const char *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);

    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        const struct flag *flag = &flags[i];

        if (strlen(flag->name) == length && memcmp(flag->name, argument, length) == 0)
            return flag;
        if (flag->short_name && strcmp(flag->short_name, argument) == 0)
            return flag;
    }
    return NULL;
}

/* Reads argv[*at] and its value, and moves `*at` to the last one read. */
static int parse_argument(struct parse *parse, int argc, char **argv, int *at)
{
    const char *argument = argv[*at], *value;
    const struct flag *flag = find_flag(argument, &value);

    if (!flag)
        return fail(parse, "'%s': %s; --help lists them", argument,
                    argument[0] == '-' ? "no such flag" : "expected a flag or a command");
    if (!flag->has_value && value)
        return fail(parse, "%s takes no value, found '%s'", flag->name, value);
    if (flag->has_value && !value) {
        if (*at + 1 >= argc)
            return fail(parse, "%s: its value is missing", argument);
        value = argv[++*at];
    }
    return flag->read(parse, flag->offset, value);
}

int options_parse(int argc, char **argv, struct options *out, char *error, size_t error_size)
{
    struct parse parse = {.error = error, .error_size = error_size};

    parse.options.log_level = LOG_LEVEL_INFO;
    for (int at = 1; at < argc; at++) {
        int failed = parse_argument(&parse, argc, argv, &at);

        if (failed)
            return failed;
        if (parse.options.help || parse.options.version)
            break;
    }
    const struct options *options = &parse.options;
    if (!options->help && !options->version && !options->config_path && !options->config_yaml)
        return fail(&parse, "no configuration: give -c FILE, or --config-yaml TEXT");
    *out = parse.options;
    return 0;
}

const char *options_help(void)
{
    return "Usage: loadtap -c FILE [flags]\n"
           "       loadtap COMMAND [flags]\n"
           "\n"
           "Counts what this machine's proxies send to their upstreams, and reports it to a\n"
           "management server over Envoy's Load Reporting Service.\n"
           "\n"
           "  -c, --config-path FILE    Envoy bootstrap, YAML or JSON (.json)\n"
           "      --config-yaml TEXT    YAML that is merged on top of the file\n"
           "      --config-expand-env   ${NAME} in values of either is the environment's NAME, $$ "
           "is $\n"
           "      --mode serve|validate validate: load, check, say so, and exit\n"
           "      --service-node ID     replaces node.id\n"
           "      --service-cluster NAME  replaces node.cluster\n"
           "      --service-zone ZONE   replaces node.locality.zone\n"
           "  -l, --log-level LEVEL     trace, debug, info, warning, error, critical, off\n"
           "      --log-format text|json  how a line is written; json also where the bootstrap\n"
           "                            has application_log_config.log_format.json_format\n"
           "  -h, --help\n"
           "      --version\n";
}
