#include "config/lrs_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "config/google_grpc_read.h"
#include "config/keepalive_read.h"
#include "config/tls_read.h"
#include "message/fields.h"

typedef Envoy__Config__Bootstrap__V3__Bootstrap Bootstrap;
typedef Envoy__Config__Core__V3__ApiConfigSource ApiConfigSource;
typedef Envoy__Config__Core__V3__GrpcService GrpcService;
typedef Envoy__Config__Core__V3__HeaderValue HeaderValue;

static const struct tree_path manager_path = {NULL, STEP_FIELD, "cluster_manager", 0};
static const struct tree_path source_path = {&manager_path, STEP_FIELD, "load_stats_config", 0};
static const struct tree_path services_path = {&source_path, STEP_FIELD, "grpc_services", 0};
static const struct tree_path service_path = {&services_path, STEP_INDEX, NULL, 0};
static const struct tree_path target_path = {&service_path, STEP_FIELD, "envoy_grpc", 0};
static const struct tree_path google_path = {&service_path, STEP_FIELD, "google_grpc", 0};

static int no_source(const struct check *check)
{
    return check_wrong(check, &manager_path, NULL,
                       "found no load_stats_config, expected the management server to report to; "
                       "add: cluster_manager: {load_stats_config: {api_type: GRPC, "
                       "transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: "
                       "NAME}}]}}");
}

static int check_source(const struct check *check, const ApiConfigSource *from)
{
    if (from->api_type == 0)
        return check_wrong(check, &source_path, "api_type", "found none, expected GRPC");
    if (from->api_type != ENVOY__CONFIG__CORE__V3__API_CONFIG_SOURCE__API_TYPE__GRPC)
        return check_wrong(check, &source_path, "api_type", "found %s, expected GRPC",
                           protobuf_c_enum_descriptor_get_value(
                               &envoy__config__core__v3__api_config_source__api_type__descriptor,
                               (int)from->api_type)
                               ->name);
    if (from->transport_api_version == ENVOY__CONFIG__CORE__V3__API_VERSION__V2)
        return check_wrong(check, &source_path, "transport_api_version",
                           "found V2, expected V3: version 2 has been removed");
    if (from->n_grpc_services != 1)
        return check_wrong(check, &services_path, NULL, "found %zu services, expected exactly one",
                           from->n_grpc_services);
    return 0;
}

static const char *nearest_cluster(const struct clusters *clusters, const char *name)
{
    unsigned best = (unsigned)(strlen(name) / 3) + 2;
    const char *found = NULL;

    for (size_t i = 0; i < clusters->count; i++) {
        unsigned distance = fields_distance(name, clusters->items[i].name, best);

        if (distance >= best)
            continue;
        best = distance;
        found = clusters->items[i].name;
    }
    return found;
}

static int find_cluster(const struct check *check, const char *name,
                        const struct clusters *clusters, size_t *out)
{
    const struct cluster *cluster = clusters_find(clusters, name);
    const char *nearest;

    if (name[0] == '\0')
        return check_wrong(check, &target_path, NULL,
                           "found no cluster_name, expected the name of a cluster");
    if (cluster) {
        *out = (size_t)(cluster - clusters->items);
        return 0;
    }
    nearest = nearest_cluster(clusters, name);
    return check_wrong(check, &target_path, "cluster_name",
                       "found \"%.96s\", expected the name of a cluster of static_resources%s%s%s",
                       name, nearest ? ": did you mean \"" : "", nearest ? nearest : "",
                       nearest ? "\"?" : "");
}

static bool has_tcp_endpoint(const struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->group_count; i++)
        for (size_t k = 0; k < cluster->groups[i].endpoint_count; k++)
            if (cluster->groups[i].endpoints[k].host)
                return true;
    return false;
}

/* The stream speaks HTTP/2, over TLS or not, to an address of the file. */
static int read_cluster(struct check *check, const Bootstrap *from, struct bootstrap *out)
{
    const struct cluster *cluster = &out->clusters.items[out->lrs_cluster];

    const struct tree_path resources = tree_path_field(NULL, "static_resources");
    const struct tree_path list = tree_path_field(&resources, "clusters");
    const struct tree_path path = tree_path_index(&list, out->lrs_cluster);

    if (!has_tcp_endpoint(cluster))
        return check_wrong(check, &path, NULL,
                           "found no endpoint with an address and port in the cluster that "
                           "load_stats_config names, expected one");
    const Envoy__Config__Cluster__V3__Cluster *message =
        from->static_resources->clusters[out->lrs_cluster];
    int failed = keepalive_read(check, message, &path, &out->lrs_keepalive);
    return failed ? failed : tls_read(check, message, &path, &out->lrs_tls);
}

/* Names that say how the call itself is made (RFC 9113, 8.2.2; "gRPC over HTTP2", Requests), or what
 * loadtap says of a stream; in lower case. */
static bool is_reserved(const char *key)
{
    static const char *const names[] = {
        "host",          "te",         "content-type", "content-length",   "user-agent",
        "connection",    "keep-alive", "upgrade",      "proxy-connection", "transfer-encoding",
        "http2-settings"};
    static const char *const prefixes[] = {"grpc-", "loadtap-"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* Names go out in lower case (RFC 9113 section 8.2.1). */
static int read_key(const struct check *check, const char *key, const struct tree_path *path,
                    char **out)
{
    size_t length = strlen(key);
    int failed;

    if (length == 0 || strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "!#$%&'*+-.^_`|~") != length)
        return check_wrong(check, path, "key", "found \"%.64s\", expected the name of a header",
                           key);
    failed = check_text(check, key, out);
    for (char *at = *out; !failed && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return failed;
}

/* A server resets a stream with one (RFC 9110, 5.5, which allows tabs). */
static bool has_control(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((bytes[i] < ' ' && bytes[i] != '\t') || bytes[i] == 0x7f)
            return true;
    return false;
}

/* gRPC's rule ("gRPC over HTTP2", Requests) for names of values that may be anything. */
static bool is_binary(const char *key)
{
    size_t length = strlen(key);

    return length >= 4 && strcmp(key + length - 4, "-bin") == 0;
}

/* Needs the key. In base64 what may be binary, padded as Envoy does with envoy_grpc. */
static int read_value(const struct check *check, const HeaderValue *from,
                      const struct tree_path *path, struct initial_metadata *out)
{
    bool is_raw = from->raw_value.len > 0;
    const uint8_t *bytes = is_raw ? from->raw_value.data : (const uint8_t *)from->value;
    size_t size = is_raw ? from->raw_value.len : strlen(from->value);

    if (!is_binary(out->key) && has_control(bytes, size))
        return check_wrong(check, path, is_raw ? "raw_value" : "value",
                           "found a control character, expected a header's value");
    out->value = calloc(1, BASE64_SIZE(size)); /* it fits as it is, too */
    if (!out->value)
        return config_error_memory(check->error);
    if (is_binary(out->key))
        base64_encode(bytes, size, out->value);
    else
        memcpy(out->value, bytes, size);
    return 0;
}

static int read_header(struct check *check, const HeaderValue *from, const struct tree_path *path,
                       struct bootstrap *out)
{
    struct initial_metadata *next = &out->lrs_metadata[out->lrs_metadata_count];
    int failed = read_key(check, from->key, path, &next->key);

    if (!failed)
        failed = read_value(check, from, path, next);
    out->lrs_metadata_count++;
    if (failed || !is_reserved(next->key))
        return failed;
    failed = check_note(check, "management server: initial_metadata %.64s: not sent, reserved",
                        next->key);
    free(TAKE(next->key));
    free(TAKE(next->value));
    out->lrs_metadata_count--;
    return failed;
}

/* Envoy takes a file that sets a reserved name, so it loads; it goes out as ours. */
static int read_metadata(struct check *check, const GrpcService *from, struct bootstrap *out)
{
    const struct tree_path list = tree_path_field(&service_path, "initial_metadata");
    int failed = 0;

    /* Credentials may add one. */
    out->lrs_metadata = calloc(from->n_initial_metadata + 1, sizeof(*out->lrs_metadata));
    if (!out->lrs_metadata)
        return config_error_memory(check->error);
    for (size_t i = 0; i < from->n_initial_metadata && !failed; i++) {
        const struct tree_path path = tree_path_index(&list, i);

        failed = read_header(check, from->initial_metadata[i], &path, out);
    }
    return failed;
}

static int read_envoy_grpc(struct check *check, const Bootstrap *from,
                           const Envoy__Config__Core__V3__GrpcService__EnvoyGrpc *service,
                           struct bootstrap *out)
{
    const char *name = service->cluster_name, *authority = service->authority;
    int failed = find_cluster(check, name, &out->clusters, &out->lrs_cluster);

    if (!failed && strpbrk(authority, "\r\n"))
        return check_wrong(check, &target_path, "authority",
                           "found a line end, expected a header's value");
    if (!failed)
        failed = read_cluster(check, from, out);
    return failed ? failed
                  : check_text(check, authority[0] ? authority : name, &out->lrs_authority);
}

static int read_service(struct check *check, const Bootstrap *from, const GrpcService *service,
                        struct bootstrap *out)
{
    switch (service->target_specifier_case) {
    case ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_ENVOY_GRPC:
        return read_envoy_grpc(check, from, service->envoy_grpc, out);
    case ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__TARGET_SPECIFIER_GOOGLE_GRPC:
        return google_grpc_read(check, service->google_grpc, &google_path, out);
    default:
        return check_wrong(check, &service_path, NULL,
                           "found no target, expected envoy_grpc or google_grpc");
    }
}

int lrs_read(struct check *check, const Bootstrap *from, struct bootstrap *out)
{
    const ApiConfigSource *source =
        from->cluster_manager ? from->cluster_manager->load_stats_config : NULL;
    int failed = source ? check_source(check, source) : no_source(check);

    if (!failed)
        failed = read_metadata(check, source->grpc_services[0], out);
    return failed ? failed : read_service(check, from, source->grpc_services[0], out);
}
