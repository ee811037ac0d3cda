#include "config/keepalive_read.h"

#include <string.h>

#include "base/mem.h"
#include "config/cluster_extension.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb-c.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Core__V3__Http2ProtocolOptions Http2Options;
typedef Envoy__Config__Core__V3__KeepaliveSettings KeepaliveSettings;
typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions HttpOptions;

#define JITTER 0.15 /* Envoy's default */
#define LEAST_US 1000
#define HTTP_TYPE(name) ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__##name

static uint64_t microseconds(const Google__Protobuf__Duration *from)
{
    if (!from || from->seconds < 0 || from->nanos < 0)
        return 0;
    return (uint64_t)from->seconds * 1000000 + (uint64_t)from->nanos / 1000;
}

static int read_settings(const struct check *check, const KeepaliveSettings *from,
                         const struct tree_path *path, struct keepalive_settings *out)
{
    struct keepalive_settings settings = {microseconds(from->interval), microseconds(from->timeout),
                                          JITTER};

    if (from->interval && settings.interval_us < LEAST_US)
        return check_wrong(check, path, "interval",
                           "found less than a millisecond, expected a duration of 0.001s or more");
    if (settings.timeout_us < LEAST_US)
        return check_wrong(
            check, path, "timeout",
            "found none, or less than a millisecond, expected a duration of 0.001s or "
            "more");
    if (from->interval_jitter)
        settings.jitter = from->interval_jitter->value / 100;
    if (!(settings.jitter >= 0 && settings.jitter <= 1))
        return check_wrong(check, path, "interval_jitter",
                           "found no share of a hundred, expected {value: 0} to {value: 100}");
    *out = settings;
    return 0;
}

static int read_http2(const struct check *check, const Http2Options *from,
                      const struct tree_path *parent, struct keepalive_settings *out)
{
    const struct tree_path http2 = tree_path_field(parent, "http2_protocol_options");
    const struct tree_path path = tree_path_field(&http2, "connection_keepalive");

    if (!from || !from->connection_keepalive)
        return 0;
    return read_settings(check, from->connection_keepalive, &path, out);
}

static int read_options(const struct check *check, const HttpOptions *from,
                        const struct tree_path *path, struct keepalive_settings *out)
{
    const struct tree_path explicit = tree_path_field(path, "explicit_http_config");
    const struct tree_path automatic = tree_path_field(path, "auto_config");

    switch (from->upstream_protocol_options_case) {
    case HTTP_TYPE(UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG):
        if (from->explicit_http_config->protocol_config_case !=
            HTTP_TYPE(EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP2_PROTOCOL_OPTIONS))
            return 0;
        return read_http2(check, from->explicit_http_config->http2_protocol_options, &explicit,
                          out);
    case HTTP_TYPE(UPSTREAM_PROTOCOL_OPTIONS_AUTO_CONFIG):
        return read_http2(check, from->auto_config->http2_protocol_options, &automatic, out);
    default:
        return 0;
    }
}

/* Envoy's older place for these options counts where the newer one is not used. */
int keepalive_read(const struct check *check, const Cluster *from, const struct tree_path *path,
                   struct keepalive_settings *out)
{
    const struct tree_path map = tree_path_field(path, "typed_extension_protocol_options");

    for (size_t i = 0; i < from->n_typed_extension_protocol_options; i++) {
        const struct tree_path option =
            tree_path_key(&map, from->typed_extension_protocol_options[i]->key);
        HttpOptions *options = extension_unpack(
            from->typed_extension_protocol_options[i]->value,
            &envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor);

        if (!options)
            continue;
        int failed = read_options(check, options, &option, out);
        protobuf_c_message_free_unpacked(&options->base, NULL);
        return failed;
    }
    return read_http2(check, from->http2_protocol_options, path, out);
}
