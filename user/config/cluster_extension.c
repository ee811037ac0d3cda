#include "config/cluster_extension.h"

#include <string.h>

#include "base/mem.h"
#include "config/dns_read.h"
#include "envoy/extensions/clusters/dns/v3/dns_cluster.pb-c.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb-c.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb-c.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Extensions__Clusters__Dns__V3__DnsCluster DnsCluster;
typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions HttpProtocolOptions;
typedef Envoy__Extensions__Upstreams__Http__V3__HttpProtocolOptions__ExplicitHttpConfig
    ExplicitHttpConfig;

#define EXPLICIT_CASE                                                                              \
    ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__UPSTREAM_PROTOCOL_OPTIONS_EXPLICIT_HTTP_CONFIG
#define HTTP3_CASE                                                                                 \
    ENVOY__EXTENSIONS__UPSTREAMS__HTTP__V3__HTTP_PROTOCOL_OPTIONS__EXPLICIT_HTTP_CONFIG__PROTOCOL_CONFIG_HTTP3_PROTOCOL_OPTIONS
#define HTTP_OPTIONS_KEY "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

void *extension_unpack(const Google__Protobuf__Any *any, const ProtobufCMessageDescriptor *type)
{
    const char *slash = any ? strrchr(any->type_url, '/') : NULL;

    if (!slash || strcmp(slash + 1, type->name) != 0)
        return NULL;
    return protobuf_c_message_unpack(type, NULL, any->value.len, any->value.data);
}

/* What cluster_type names beside envoy.cluster.dns, whose message says which of the two it is. */
static enum discovery named_discovery(const char *name)
{
    static const struct {
        const char *name;
        enum discovery discovery;
    } names[] = {
        {"envoy.cluster.static", DISCOVERY_STATIC},
        {"envoy.cluster.strict_dns", DISCOVERY_STRICT_DNS},
        {"envoy.cluster.logical_dns", DISCOVERY_LOGICAL_DNS},
        {"envoy.cluster.eds", DISCOVERY_EDS},
        {"envoy.cluster.original_dst", DISCOVERY_ORIGINAL_DST},
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].discovery;
    return DISCOVERY_OTHER;
}

static int read_dns(const struct check *check, const DnsCluster *from,
                    const struct tree_path *cluster_type, struct cluster *out)
{
    const struct tree_path path = tree_path_field(cluster_type, "typed_config");
    const Envoy__Extensions__Clusters__Dns__V3__DnsCluster__RefreshRate *failure =
        from->dns_failure_refresh_rate;
    const struct dns_fields fields = {.rate = from->dns_refresh_rate,
                                      .jitter = from->dns_jitter,
                                      .has_failure_rate = failure != NULL,
                                      .failure_base = failure ? failure->base_interval : NULL,
                                      .failure_max = failure ? failure->max_interval : NULL,
                                      .respect_ttl = from->respect_dns_ttl};

    out->discovery =
        from->all_addresses_in_single_endpoint ? DISCOVERY_LOGICAL_DNS : DISCOVERY_STRICT_DNS;
    /* The newer enum has UNSPECIFIED, which means AUTO, before the older one's values. */
    if (from->dns_lookup_family)
        out->dns_family = (enum dns_family)(from->dns_lookup_family - 1);
    return dns_refresh_read(check, &fields, &path, &out->dns_refresh);
}

int cluster_type_read(const struct check *check,
                      const Envoy__Config__Cluster__V3__Cluster__CustomClusterType *from,
                      const struct tree_path *path, struct cluster *out)
{
    const struct tree_path cluster_type = tree_path_field(path, "cluster_type");
    DnsCluster *dns = extension_unpack(
        from->typed_config, &envoy__extensions__clusters__dns__v3__dns_cluster__descriptor);
    int failed;

    out->discovery = named_discovery(from->name);
    if (!dns)
        return 0;
    failed = read_dns(check, dns, &cluster_type, out);
    protobuf_c_message_free_unpacked(&dns->base, NULL);
    return failed;
}

bool cluster_is_encrypted(const Cluster *from)
{
    static const char *const marks[] = {".tls.", ".quic.", ".alts.", ".starttls."};
    const Envoy__Config__Core__V3__TransportSocket *socket = from->transport_socket;

    if (!socket)
        return false;
    if (socket->config_type_case !=
        ENVOY__CONFIG__CORE__V3__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG)
        return strcmp(socket->name, "envoy.transport_sockets.tls") == 0;
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (strstr(socket->typed_config->type_url, marks[i]))
            return true;
    return false;
}

static int check_http_options(const struct check *check, const HttpProtocolOptions *options,
                              const struct tree_path *path, const char *key, bool *is_http3)
{
    const ExplicitHttpConfig *explicit = options->upstream_protocol_options_case == EXPLICIT_CASE
                                             ? options->explicit_http_config
                                             : NULL;

    if (strcmp(key, HTTP_OPTIONS_KEY) != 0)
        return check_wrong(check, path, NULL,
                           "found HttpProtocolOptions under this key, expected " HTTP_OPTIONS_KEY);
    if (options->upstream_protocol_options_case == 0)
        return check_wrong(check, path, NULL,
                           "found none of explicit_http_config, use_downstream_protocol_config and "
                           "auto_config, expected one");
    if (explicit && explicit->protocol_config_case == 0)
        return check_wrong(check, path, "explicit_http_config",
                           "found no options of a protocol, expected http_protocol_options, "
                           "http2_protocol_options or http3_protocol_options");
    *is_http3 = explicit && explicit->protocol_config_case == HTTP3_CASE;
    return 0;
}

int cluster_http_read(const struct check *check, const Cluster *from, const struct tree_path *path,
                      bool *is_http3)
{
    const struct tree_path map = tree_path_field(path, "typed_extension_protocol_options");
    int failed = 0;

    for (size_t i = 0; i < from->n_typed_extension_protocol_options && !failed; i++) {
        const char *key = from->typed_extension_protocol_options[i]->key;
        const struct tree_path option = tree_path_key(&map, key);
        HttpProtocolOptions *options = extension_unpack(
            from->typed_extension_protocol_options[i]->value,
            &envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor);

        if (!options && strcmp(key, HTTP_OPTIONS_KEY) == 0)
            return check_wrong(check, &option, "@type",
                               "found another message, expected " HTTP_OPTIONS_KEY);
        if (!options)
            continue;
        failed = check_http_options(check, options, &option, key, is_http3);
        protobuf_c_message_free_unpacked(&options->base, NULL);
    }
    return failed;
}
