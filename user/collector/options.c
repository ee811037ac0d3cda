#include "collector/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char options_help[] =
    "Usage: loadtap-collector [options]\n"
    "A management server for load reports (Envoy's LRS): one JSON line for each report, sums at "
    "the end.\n"
    "\n"
    "  --listen ADDR:PORT   where clients connect, \"[::]:18000\" for IPv6 (default "
    "0.0.0.0:18000)\n"
    "  --tls-cert FILE      speak TLS, with this certificate and what leads from it to its "
    "authority (PEM)\n"
    "  --tls-key FILE       the certificate's private key (PEM)\n"
    "  --tls-client-ca FILE  clients have to show a certificate of one of these authorities (PEM)\n"
    "\n"
    "  --interval DURATION  load reporting interval asked for, \"2s\", \"0.5s\" (default 10s)\n"
    "  --cluster NAME       ask for this cluster; may be repeated\n"
    "  --send-all           ask for all clusters (default)\n"
    "  --endpoints          ask for numbers per endpoint\n"
    "  --settings FILE      other wishes for some nodes (YAML; configs/collector.yaml)\n"
    "\n"
    "  --output FILE        append the lines to FILE (default: standard output)\n"
    "  --metrics ADDR:PORT  serve sums and gauges to Prometheus, at /metrics\n"
    "  --metrics-label-sets N  how many sets of labels are kept apart there (default 10000)\n"
    "  -l, --log-level LEVEL  trace, debug, info (default), warning, error, critical, off\n"
    "  --log-format text|json  how a line of the log is written (default text)\n"
    "  --help, --version\n"
    "\n"
    "On SIGHUP the settings and the TLS files are read again; new TLS files are found without, "
    "too.\n";

enum option_code {
    CODE_LISTEN = 256,
    CODE_INTERVAL,
    CODE_CLUSTER,
    CODE_SEND_ALL,
    CODE_ENDPOINTS,
    CODE_OUTPUT,
    CODE_SETTINGS,
    CODE_TLS_CERT,
    CODE_TLS_KEY,
    CODE_TLS_CLIENT_CA,
    CODE_METRICS,
    CODE_LABEL_SETS,
    CODE_LOG_FORMAT,
    CODE_HELP,
    CODE_VERSION,
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, CODE_LISTEN},
    {"interval", required_argument, NULL, CODE_INTERVAL},
    {"cluster", required_argument, NULL, CODE_CLUSTER},
    {"send-all", no_argument, NULL, CODE_SEND_ALL},
    {"endpoints", no_argument, NULL, CODE_ENDPOINTS},
    {"output", required_argument, NULL, CODE_OUTPUT},
    {"settings", required_argument, NULL, CODE_SETTINGS},
    {"tls-cert", required_argument, NULL, CODE_TLS_CERT},
    {"tls-key", required_argument, NULL, CODE_TLS_KEY},
    {"tls-client-ca", required_argument, NULL, CODE_TLS_CLIENT_CA},
    {"metrics", required_argument, NULL, CODE_METRICS},
    {"metrics-label-sets", required_argument, NULL, CODE_LABEL_SETS},
    {"log-level", required_argument, NULL, 'l'},
    {"log-format", required_argument, NULL, CODE_LOG_FORMAT},
    {"help", no_argument, NULL, CODE_HELP},
    {"version", no_argument, NULL, CODE_VERSION},
    {0},
};

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
static int parse_interval(const char *text, uint64_t *out)
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
    *out = fraction;
    return 0;
}

static int parse_endpoint(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':'), *port_text = colon ? colon + 1 : "";
    bool bracketed = text[0] == '[' && colon && colon > text + 1 && colon[-1] == ']';
    char ip[ADDRESS_TEXT_MAX];
    uint64_t port;
    size_t length;

    if (!take_number(&port_text, 5, &port) || *port_text || port > UINT16_MAX)
        return -EINVAL;
    length = (size_t)(colon - text) - (bracketed ? 2 : 0);
    if (length >= sizeof(ip))
        return -EINVAL;
    memcpy(ip, text + (bracketed ? 1 : 0), length);
    ip[length] = '\0';
    if (!bracketed && strchr(ip, ':')) /* "::1:80": which colon ends the address? */
        return -EINVAL;
    return address_parse(ip, (uint16_t)port, out);
}

static int parse_label_sets(const char *text, size_t *out)
{
    uint64_t count;

    if (!take_number(&text, 7, &count) || *text || count == 0 || count > OPTIONS_LABEL_SETS_MAX)
        return -EINVAL;
    *out = count;
    return 0;
}

/* Where the name of a file goes; NULL: the option takes something else. */
static const char **file_of(int code, struct options *options)
{
    switch (code) {
    case CODE_OUTPUT:
        return &options->output;
    case CODE_SETTINGS:
        return &options->settings;
    case CODE_TLS_CERT:
        return &options->tls.certificate;
    case CODE_TLS_KEY:
        return &options->tls.key;
    case CODE_TLS_CLIENT_CA:
        return &options->tls.client_ca;
    default:
        return NULL;
    }
}

static int take_value(int code, char *value, struct options *options)
{
    const char **file = file_of(code, options);

    if (file) {
        *file = value;
        return *value ? 0 : -EINVAL;
    }
    switch (code) {
    case CODE_LISTEN:
        return parse_endpoint(value, &options->listen);
    case CODE_METRICS:
        options->has_metrics = true;
        return parse_endpoint(value, &options->metrics);
    case CODE_LABEL_SETS:
        return parse_label_sets(value, &options->label_sets);
    case CODE_INTERVAL:
        return parse_interval(value, &options->ask.interval_us);
    case CODE_CLUSTER:
        options->ask.clusters[options->ask.cluster_count++] = value;
        return *value ? 0 : -EINVAL;
    case CODE_LOG_FORMAT:
        return log_format_parse(value, &options->log_format);
    default:
        return log_level_parse(value, &options->level);
    }
}

static const char *expectation(int code)
{
    switch (code) {
    case CODE_LISTEN:
        return "--listen: an IP address and port is expected, \"0.0.0.0:18000\", \"[::]:18000\"";
    case CODE_METRICS:
        return "--metrics: an IP address and port is expected, \"127.0.0.1:9100\", \"[::]:9100\"";
    case CODE_LABEL_SETS:
        return "--metrics-label-sets: 1 to 1000000 is expected";
    case CODE_INTERVAL:
        return "--interval: 0.001s to 86400s is expected, to the microsecond, \"2s\", \"0.5s\"";
    case CODE_CLUSTER:
        return "--cluster: a name is expected";
    case CODE_LOG_FORMAT:
        return "--log-format: text or json is expected";
    case 'l':
        return "--log-level: trace, debug, info, warning, error, critical or off is expected";
    default:
        return "the name of a file is expected";
    }
}

static int fail(char *error, size_t size, const char *what, const char *subject)
{
    snprintf(error, size, "%s: '%s'", what, subject);
    return -EINVAL;
}

/* All flags; `all` is set by --send-all. */
static int parse_flags(int argc, char **argv, struct options *options, bool *all, char *error,
                       size_t size)
{
    int code;

    opterr = 0;
    optind = 0; /* glibc: start anew, also with another argv */
    while ((code = getopt_long(argc, argv, ":l:", long_options, NULL)) != -1) {
        if (code == '?')
            return fail(error, size, "unknown flag, or a value for one without", argv[optind - 1]);
        if (code == ':')
            return fail(error, size, "a value is missing", argv[optind - 1]);
        if (code == CODE_HELP)
            options->action = OPTIONS_HELP;
        else if (code == CODE_VERSION)
            options->action = OPTIONS_VERSION;
        else if (code == CODE_SEND_ALL)
            *all = true;
        else if (code == CODE_ENDPOINTS)
            options->ask.endpoints = true;
        else if (take_value(code, optarg, options))
            return fail(error, size, expectation(code), optarg);
    }
    if (optind < argc)
        return fail(error, size, "unexpected argument", argv[optind]);
    return 0;
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
    struct options options = {
        .ask = {.interval_us = 10 * 1000000, .clusters = clusters},
        .label_sets = OPTIONS_LABEL_SETS,
        .level = LOG_LEVEL_INFO,
    };
    bool all = false;
    int err;

    if (!clusters)
        return -ENOMEM;
    address_parse("0.0.0.0", 18000, &options.listen);
    err = parse_flags(argc, argv, &options, &all, error, error_size);
    if (err)
        return err;
    if (all && options.ask.cluster_count > 0)
        return fail(error, error_size, "--send-all excludes --cluster", clusters[0]);
    err = check_tls(&options.tls, error, error_size);
    if (err)
        return err;
    *out = options;
    out->ask.clusters = options.ask.cluster_count > 0 ? TAKE(clusters) : NULL;
    return 0;
}

void options_clear(struct options *options)
{
    free(options->ask.clusters);
    options->ask.clusters = NULL;
    options->ask.cluster_count = 0;
}
