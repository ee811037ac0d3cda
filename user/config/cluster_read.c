#include "config/cluster_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/cluster_extension.h"
#include "config/dns_read.h"
#include "config/endpoint_read.h"
#include "message/fields.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Core__V3__HealthCheck HealthCheck;

#define HEALTH_CHECKER(kind)                                                                       \
    ENVOY__CONFIG__CORE__V3__HEALTH_CHECK__HEALTH_CHECKER_##kind##_HEALTH_CHECK

#define SETTINGS_KEY "loadtap" /* in filter_metadata */

static int read_refresh(const struct check *check, const Cluster *from,
                        const struct tree_path *path, struct cluster *out)
{
    const Envoy__Config__Cluster__V3__Cluster__RefreshRate *failure =
        from->dns_failure_refresh_rate;
    const struct dns_fields fields = {.rate = from->dns_refresh_rate,
                                      .jitter = from->dns_jitter,
                                      .has_failure_rate = failure != NULL,
                                      .failure_base = failure ? failure->base_interval : NULL,
                                      .failure_max = failure ? failure->max_interval : NULL,
                                      .respect_ttl = from->respect_dns_ttl};

    return dns_refresh_read(check, &fields, path, &out->dns_refresh);
}

static int read_discovery(const struct check *check, const Cluster *from,
                          const struct tree_path *path, struct cluster *out)
{
    static const enum discovery types[] = {
        [ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STATIC] = DISCOVERY_STATIC,
        [ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__STRICT_DNS] = DISCOVERY_STRICT_DNS,
        [ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__LOGICAL_DNS] = DISCOVERY_LOGICAL_DNS,
        [ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS] = DISCOVERY_EDS,
        [ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__ORIGINAL_DST] =
            DISCOVERY_ORIGINAL_DST,
    };

    int failed = read_refresh(check, from, path, out);

    out->dns_family = (enum dns_family)from->dns_lookup_family;
    if (failed)
        return failed;
    if (from->cluster_discovery_type_case ==
        ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_CLUSTER_TYPE)
        return cluster_type_read(check, from->cluster_type, path, out);
    if (from->cluster_discovery_type_case ==
        ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE)
        out->discovery = types[from->type];
    return 0;
}

/* Where the cluster's own settings stand: the last entry of a key wins, as in a merged map. */
static const Google__Protobuf__Struct *find_settings(const Cluster *from)
{
    const Google__Protobuf__Struct *found = NULL;

    for (size_t i = 0; from->metadata && i < from->metadata->n_filter_metadata; i++)
        if (strcmp(from->metadata->filter_metadata[i]->key, SETTINGS_KEY) == 0)
            found = from->metadata->filter_metadata[i]->value;
    return found;
}

static int read_protocol(const struct check *check, const Google__Protobuf__Value *value,
                         const struct tree_path *path, enum protocol *out)
{
    static const struct {
        const char *name;
        enum protocol protocol;
    } names[] = {{"auto", PROTOCOL_AUTO},
                 {"http1", PROTOCOL_HTTP1},
                 {"http2", PROTOCOL_HTTP2},
                 {"tcp", PROTOCOL_TCP}};
    const char *text = value && value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE
                           ? value->string_value
                           : NULL;

    for (size_t i = 0; text && i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i].name, text) != 0)
            continue;
        *out = names[i].protocol;
        return 0;
    }
    return check_wrong(check, path, "protocol",
                       "found %s%.64s%s, expected auto, http1, http2 or tcp", text ? "\"" : "",
                       text ? text : "another type than a string", text ? "\"" : "");
}

static int read_settings(const struct check *check, const Google__Protobuf__Struct *settings,
                         const struct tree_path *cluster, enum protocol *out)
{
    const struct tree_path metadata = tree_path_field(cluster, "metadata");
    const struct tree_path filters = tree_path_field(&metadata, "filter_metadata");
    const struct tree_path path = tree_path_key(&filters, SETTINGS_KEY);

    for (size_t i = 0; i < settings->n_fields; i++) {
        const char *key = settings->fields[i]->key;

        if (strcmp(key, "protocol") != 0)
            return check_wrong(check, &path, key, "found the unknown key '%.64s'%s", key,
                               fields_distance(key, "protocol", 4) <= 4
                                   ? ": did you mean 'protocol'?"
                                   : ", expected protocol");
        int failed = read_protocol(check, settings->fields[i]->value, &path, out);
        if (failed)
            return failed;
    }
    return 0;
}

static int read_cluster_protocol(struct check *check, const Cluster *from,
                                 const struct tree_path *path, struct cluster *out)
{
    const Google__Protobuf__Struct *settings = find_settings(from);
    int failed = settings ? read_settings(check, settings, path, &out->protocol) : 0;

    if (failed || out->protocol == PROTOCOL_TCP || !cluster_is_encrypted(from))
        return failed;
    out->protocol = PROTOCOL_OPAQUE;
    return check_note(check, "cluster %s: its transport socket encrypts: opaque", out->name);
}

/* HTTP/3 is QUIC, which runs over UDP. */
static int hide_http3(struct check *check, const Cluster *from, const struct tree_path *path,
                      struct cluster *out)
{
    bool is_http3 = false;
    int failed = cluster_http_read(check, from, path, &is_http3);

    if (failed || !is_http3)
        return failed;
    for (size_t i = 0; i < out->group_count; i++)
        for (size_t k = 0; k < out->groups[i].endpoint_count; k++) {
            out->groups[i].endpoints[k].host = NULL;
            out->groups[i].endpoints[k].not_observed = "HTTP/3";
        }
    return check_note(check, "cluster %s: HTTP/3: not observed", out->name);
}

/* The kernel tells probes by patterns of bounded number and size. */
static int note_probes(struct check *check, const struct cluster *cluster)
{
    bool is_too_much = cluster->health_check_count > PROBES_PER_SET;

    for (size_t i = 0; i < cluster->health_check_count; i++)
        is_too_much |= strlen(cluster->health_checks[i].path) >= PROBE_PATH_MAX ||
                       strlen(cluster->health_checks[i].host) >= PROBE_HOST_MAX;
    if (!is_too_much)
        return 0;
    return check_note(check,
                      "cluster %s: health checks beyond %d, and those with a path of %d or a host "
                      "of %d bytes, count as requests",
                      cluster->name, PROBES_PER_SET, PROBE_PATH_MAX, PROBE_HOST_MAX);
}

/* What a probe asks for; NULL where it is no HTTP. */
static const char *probe_path(const HealthCheck *probe)
{
    if (probe->health_checker_case == HEALTH_CHECKER(HTTP))
        return probe->http_health_check->path;
    return probe->health_checker_case == HEALTH_CHECKER(GRPC) ? "/grpc.health.v1.Health/Check"
                                                              : NULL;
}

static const char *probe_host(const HealthCheck *probe)
{
    return probe->health_checker_case == HEALTH_CHECKER(HTTP) ? probe->http_health_check->host
                                                              : probe->grpc_health_check->authority;
}

static int read_health_checks(struct check *check, const Cluster *from,
                              const struct tree_path *path, struct cluster *out)
{
    const struct tree_path list = tree_path_field(path, "health_checks");

    out->health_checks = calloc(from->n_health_checks + 1, sizeof(*out->health_checks));
    if (!out->health_checks)
        return config_error_memory(check->error);
    for (size_t i = 0; i < from->n_health_checks; i++) {
        const HealthCheck *probe = from->health_checks[i];
        const struct tree_path place = tree_path_index(&list, i);
        const char *wanted = probe_path(probe);

        if (!wanted)
            continue;
        if (wanted[0] == '\0')
            return check_wrong(check, &place, "http_health_check",
                               "found no path, expected the path that probes ask for");
        struct health_check *next = &out->health_checks[out->health_check_count++];
        int failed = check_text(check, wanted, &next->path);
        if (!failed)
            failed = check_text(check, probe_host(probe), &next->host);
        if (failed)
            return failed;
    }
    return note_probes(check, out);
}

/* 0 where there is none. protobuf bounds a duration to 10,000 years, which fit. */
static uint64_t microseconds(const Google__Protobuf__Duration *from)
{
    return from ? (uint64_t)from->seconds * 1000000 + (uint64_t)from->nanos / 1000 : 0;
}

/* Rules of Envoy's own validation. */
static int check_options(const struct check *check, const Cluster *from,
                         const struct tree_path *path, const struct cluster *cluster)
{
    const Google__Protobuf__Duration *timeout = from->connect_timeout;

    if (timeout && (timeout->seconds < 0 || timeout->nanos < 0 ||
                    (timeout->seconds == 0 && timeout->nanos == 0)))
        return check_wrong(check, path, "connect_timeout",
                           "found no time at all, expected a duration above 0s");
    if (from->transport_socket && from->transport_socket->name[0] == '\0')
        return check_wrong(check, path, "transport_socket",
                           "found no name, expected the transport socket's name");
    if (from->eds_cluster_config && cluster->discovery != DISCOVERY_EDS)
        return check_wrong(check, path, "eds_cluster_config",
                           "found in a cluster of another type than EDS");
    if (cluster->discovery == DISCOVERY_EDS &&
        !(from->eds_cluster_config && from->eds_cluster_config->eds_config))
        return check_wrong(check, path, "eds_cluster_config",
                           "found no eds_config, expected one in a cluster of type EDS");
    bool is_provided =
        from->lb_policy == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__LB_POLICY__CLUSTER_PROVIDED;
    if (cluster->discovery != DISCOVERY_OTHER &&
        is_provided != (cluster->discovery == DISCOVERY_ORIGINAL_DST))
        return check_wrong(check, path, "lb_policy",
                           "found the wrong policy, expected CLUSTER_PROVIDED with type "
                           "ORIGINAL_DST, and only there");
    return 0;
}

static size_t count_endpoints(const struct cluster *cluster)
{
    size_t count = 0;

    for (size_t i = 0; i < cluster->group_count; i++)
        count += cluster->groups[i].endpoint_count;
    return count;
}

static int note_name_servers(struct check *check, const struct cluster *cluster,
                             const struct tree_path *path)
{
    const struct tree_path type = tree_path_field(path, "cluster_type");
    const struct tree_path dns_cluster = tree_path_field(&type, "typed_config");
    int failed;

    if (!cluster_has_names(cluster))
        return 0;
    failed = dns_note_servers(check, path);
    return failed ? failed : dns_note_servers(check, &dns_cluster);
}

static int check_discovery(struct check *check, const struct cluster *cluster,
                           const struct tree_path *path)
{
    static const char *const far[] = {[DISCOVERY_EDS] = "type EDS",
                                      [DISCOVERY_ORIGINAL_DST] = "type ORIGINAL_DST",
                                      [DISCOVERY_OTHER] = "an extension's cluster_type"};
    size_t count = count_endpoints(cluster);

    if (cluster->discovery == DISCOVERY_LOGICAL_DNS && count != 1)
        return check_wrong(check, path, "load_assignment",
                           "found %zu endpoints, expected exactly one in a cluster of "
                           "type LOGICAL_DNS",
                           count);
    if (cluster->discovery > DISCOVERY_LOGICAL_DNS)
        return check_note(check, "cluster %s: %s, its endpoints are not in the file: not observed",
                          cluster->name, far[cluster->discovery]);
    if (count == 0)
        return check_note(check, "cluster %s: no endpoints", cluster->name);
    return 0;
}

int cluster_read(struct check *check, const Cluster *from, const struct tree_path *path,
                 struct cluster *out)
{
    const struct tree_path assignment = tree_path_field(path, "load_assignment");
    int failed;

    if (from->name[0] == '\0')
        return check_wrong(check, path, NULL, "found no name, expected every cluster to have one");
    failed = check_text(check, from->name, &out->name);
    if (!failed)
        failed = check_text(check,
                            from->eds_cluster_config ? from->eds_cluster_config->service_name : "",
                            &out->service_name);
    if (!failed)
        failed = read_discovery(check, from, path, out);
    if (!failed)
        failed = check_options(check, from, path, out);
    out->connect_timeout_us = microseconds(from->connect_timeout);
    if (!failed && from->load_assignment)
        failed = endpoints_read(check, from->load_assignment, &assignment, out);
    if (!failed)
        failed = check_discovery(check, out, path);
    if (!failed)
        failed = note_name_servers(check, out, path);
    if (!failed)
        failed = hide_http3(check, from, path, out);
    if (!failed)
        failed = read_cluster_protocol(check, from, path, out);
    return failed ? failed : read_health_checks(check, from, path, out);
}
