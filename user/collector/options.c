#include "collector/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/flags.h"
#include "base/mem.h"

/* Up to `max_digits` decimal digits at *text, which is moved behind them. False: none, or more. */
static bool take_number(const char **text, size_t max_digits, uint64_t *out)
{
    size_t digits = strspn(*text, "0123456789");

    if (digits == 0 || digits > max_digits)
        return false;
    *out = strtoull(*text, NULL, 10);
    *text += digits;
    return true;
}

/* protobuf's JSON form of a Duration, to the microsecond. */
static int read_interval(void *member, const char *text)
{
    uint64_t seconds, fraction = 0;

    if (!take_number(&text, 6, &seconds))
        return -EINVAL;
    if (*text == '.') {
        const char *start = ++text;

        if (!take_number(&text, 6, &fraction))
            return -EINVAL;
        for (size_t digits = (size_t)(text - start); digits < 6; digits++)
            fraction *= 10;
    }
    fraction += seconds * 1000000;
    if (strcmp(text, "s") != 0 || fraction < ASK_INTERVAL_MIN_US || fraction > ASK_INTERVAL_MAX_US)
        return -EINVAL;
    *(uint64_t *)member = fraction;
    return 0;
}

static int read_endpoint(void *member, const char *text)
{
    return address_parse_text(text, member);
}

static int read_metrics(void *member, const char *text)
{
    struct options *options = member;

    options->has_metrics = true;
    return read_endpoint(&options->metrics, text);
}

static int read_label_sets(void *member, const char *text)
{
    uint64_t count;

    if (!take_number(&text, 7, &count) || *text || count == 0 || count > OPTIONS_LABEL_SETS_MAX)
        return -EINVAL;
    *(size_t *)member = count;
    return 0;
}

/* `clusters` has room for as many as there are words. */
static int read_cluster(void *member, const char *text)
{
    struct ask *ask = member;

    ask->clusters[ask->cluster_count++] = (char *)text;
    return *text ? 0 : -EINVAL;
}

static int read_level(void *member, const char *text)
{
    return log_level_parse(text, member);
}

static int read_format(void *member, const char *text)
{
    return log_format_parse(text, member);
}

static int read_help(void *member, const char *text)
{
    (void)text;
    *(enum options_action *)member = OPTIONS_HELP;
    return 0;
}

static int read_version(void *member, const char *text)
{
    (void)text;
    *(enum options_action *)member = OPTIONS_VERSION;
    return 0;
}

/* What is filled: the options, and whether all clusters were asked for by name. */
struct filled {
    struct options options;
    bool all;
};

#define MEMBER(name) offsetof(struct filled, options.name)
#define FILE_EXPECTED "the name of a file"

static const struct flag table[] = {
    {"--listen", NULL, "ADDR:PORT",
     "where clients connect, \"[::]:18000\" for IPv6 (default 0.0.0.0:18000)", read_endpoint,
     MEMBER(listen), "an IP address and port, \"0.0.0.0:18000\", \"[::]:18000\"", false},
    {"--tls-cert", NULL, "FILE",
     "speak TLS, with this certificate and what leads from it to its authority (PEM)", flag_text,
     MEMBER(tls.certificate), FILE_EXPECTED, false},
    {"--tls-key", NULL, "FILE", "the certificate's private key (PEM)", flag_text, MEMBER(tls.key),
     FILE_EXPECTED, false},
    {"--tls-client-ca", NULL, "FILE",
     "clients have to show a certificate of one of these authorities (PEM)", flag_text,
     MEMBER(tls.client_ca), FILE_EXPECTED, false},
    {"--interval", NULL, "DURATION",
     "load reporting interval asked for, \"2s\", \"0.5s\" (default 10s)", read_interval,
     MEMBER(ask.interval_us), "0.001s to 86400s, to the microsecond, \"2s\", \"0.5s\"", false},
    {"--cluster", NULL, "NAME", "ask for this cluster; may be repeated", read_cluster, MEMBER(ask),
     "a name", false},
    {"--send-all", NULL, NULL, "ask for all clusters (default)", flag_presence,
     offsetof(struct filled, all), NULL, false},
    {"--endpoints", NULL, NULL, "ask for numbers per endpoint", flag_presence,
     MEMBER(ask.endpoints), NULL, false},
    {"--settings", NULL, "FILE", "other wishes for some nodes (YAML; configs/collector.yaml)",
     flag_text, MEMBER(settings), FILE_EXPECTED, false},
    {"--output", NULL, "FILE", "append the lines to FILE (default: standard output)", flag_text,
     MEMBER(output), FILE_EXPECTED, false},
    {"--metrics", NULL, "ADDR:PORT", "serve sums and gauges to Prometheus, at /metrics",
     read_metrics, offsetof(struct filled, options),
     "an IP address and port, \"127.0.0.1:9100\", \"[::]:9100\"", false},
    {"--metrics-label-sets", NULL, "N",
     "how many sets of labels are kept apart there (default 10000)", read_label_sets,
     MEMBER(label_sets), "1 to 1000000", false},
    {"--log-level", "-l", "LEVEL", "trace, debug, info (default), warning, error, critical, off",
     read_level, MEMBER(level), "trace, debug, info, warning, error, critical or off", false},
    {"--log-format", NULL, "text|json", "how a line of the log is written (default text)",
     read_format, MEMBER(log_format), "text or json", false},
    {"--help", "-h", NULL, "this", read_help, MEMBER(action), NULL, true},
    {"--version", NULL, NULL, "which loadtap-collector this is", read_version, MEMBER(action), NULL,
     true},
};

static const struct flags flags = {
    .usage = "loadtap-collector [flags]",
    .about = "A management server for load reports (Envoy's LRS): one JSON line for each report,\n"
             "sums at the end. On SIGHUP the settings and the TLS files are read again; new TLS\n"
             "files are found without, too.",
    .table = table,
    .count = ARRAY_SIZE(table),
};

static int fail(char *error, size_t size, const char *what, const char *subject)
{
    snprintf(error, size, "%s: '%s'", what, subject);
    return -EINVAL;
}

static int check_tls(const struct tls_files *tls, char *error, size_t size)
{
    if (tls->certificate && !tls->key)
        return fail(error, size, "--tls-key is expected beside --tls-cert", tls->certificate);
    if (tls->key && !tls->certificate)
        return fail(error, size, "--tls-cert is expected beside --tls-key", tls->key);
    if (tls->client_ca && !tls->certificate)
        return fail(error, size, "--tls-cert and --tls-key are expected beside --tls-client-ca",
                    tls->client_ca);
    return 0;
}

int options_parse(int argc, char **argv, struct options *out, char *error, size_t error_size)
{
    autofree char **clusters = calloc((size_t)argc + 1, sizeof(*clusters));
    struct filled filled = {.options = {
                                .ask = {.interval_us = 10 * 1000000, .clusters = clusters},
                                .label_sets = OPTIONS_LABEL_SETS,
                                .level = LOG_LEVEL_INFO,
                            }};
    int err;

    if (!clusters)
        return -ENOMEM;
    address_parse("0.0.0.0", 18000, &filled.options.listen);
    err = flags_parse(&flags, argc, argv, &filled, error, error_size);
    if (err)
        return err;
    if (filled.all && filled.options.ask.cluster_count > 0)
        return fail(error, error_size, "--send-all excludes --cluster", clusters[0]);
    err = check_tls(&filled.options.tls, error, error_size);
    if (err)
        return err;
    *out = filled.options;
    out->ask.clusters = out->ask.cluster_count > 0 ? TAKE(clusters) : NULL;
    return 0;
}

void options_print_help(FILE *out)
{
    flags_print(&flags, out);
}

void options_clear(struct options *options)
{
    free(options->ask.clusters);
    options->ask.clusters = NULL;
    options->ask.cluster_count = 0;
}
