#include "config/bootstrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* An element that could not be added has hh.tbl NULL, instead of the program ending. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/mem.h"
#include "config/admin_read.h"
#include "config/cluster_extension.h"
#include "config/cluster_read.h"
#include "config/dns_read.h"
#include "config/endpoint_read.h"
#include "config/lrs_read.h"
#include "config/node_read.h"
#include "config/redact.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/extensions/clusters/dns/v3/dns_cluster.pb-c.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb-c.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb-c.h"
#include "loadtap/v1/settings.pb-c.h"
#include "message/check.h"
#include "message/config_source.h"
#include "message/duration.h"
#include "message/message_fill.h"
#include "message/message_merge.h"
#include "message/yaml_tree.h"

#define REMOVED_IDLE_MS 600000
#define LABEL_SETS 10000
#define UNDIALLED_MS 600000

typedef Envoy__Config__Bootstrap__V3__Bootstrap Bootstrap;
typedef Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources StaticResources;
typedef Loadtap__V1__Settings Settings;

static const struct tree_path resources_path = {NULL, STEP_FIELD, "static_resources", 0};
static const struct tree_path clusters_path = {&resources_path, STEP_FIELD, "clusters", 0};
static const struct tree_path extensions_path = {NULL, STEP_FIELD, "bootstrap_extensions", 0};

#define YAML_FLAG_NAME "--config-yaml"

static const ProtobufCMessageDescriptor *const types[] = {
    &envoy__extensions__clusters__dns__v3__dns_cluster__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__upstream_tls_context__descriptor,
    &envoy__extensions__transport_sockets__tls__v3__common_tls_context__descriptor,
    &envoy__extensions__upstreams__http__v3__http_protocol_options__descriptor,
    &loadtap__v1__settings__descriptor,
};
const struct message_types bootstrap_types = {types, ARRAY_SIZE(types)};

static int fill(const struct tree *tree, Bootstrap **out, struct config_error *error)
{
    ProtobufCMessage *message;
    int failed = message_fill(tree, &envoy__config__bootstrap__v3__bootstrap__descriptor,
                              &bootstrap_types, &message, error);

    if (!failed)
        *out = (Bootstrap *)message;
    return failed;
}

static void free_message(Bootstrap *message)
{
    if (message)
        protobuf_c_message_free_unpacked(&message->base, NULL);
}

/* Both trees -> one message. */
static int fill_both(const struct check *check, Bootstrap **out)
{
    Bootstrap *first = NULL, *second = NULL;
    int failed = 0;

    if (check->file)
        failed = fill(check->file, &first, check->error);
    if (!failed && check->merged)
        failed = fill(check->merged, &second, check->error);
    if (!failed && first && second)
        failed = message_merge(&first->base, &second->base);
    if (failed == -ENOMEM)
        config_error_memory(check->error);
    if (!failed)
        *out = first ? TAKE(first) : TAKE(second);
    free_message(first);
    free_message(second);
    return failed;
}

struct named {
    const char *name;
    size_t index;
    UT_hash_handle hh;
};

static int check_names(const struct check *check, const StaticResources *from)
{
    autofree struct named *items = calloc(from->n_clusters + 1, sizeof(*items));
    struct named *names = NULL, *found = NULL;
    bool is_full = false;
    size_t i;

    if (!items)
        return config_error_memory(check->error);
    for (i = 0; i < from->n_clusters && !found && !is_full; i++) {
        const char *name = from->clusters[i]->name;

        HASH_FIND_STR(names, name, found);
        items[i] = (struct named){.name = name, .index = i};
        if (!found)
            HASH_ADD_KEYPTR(hh, names, items[i].name, strlen(name), &items[i]);
        is_full = !found && !items[i].hh.tbl;
    }
    HASH_CLEAR(hh, names);
    if (is_full)
        return config_error_memory(check->error);
    if (!found)
        return 0;
    const struct tree_path path = tree_path_index(&clusters_path, i - 1);
    return check_wrong(check, &path, "name",
                       "found \"%.96s\", which static_resources.clusters[%zu] is called too, "
                       "expected each name once",
                       found->name, found->index);
}

static int read_clusters(struct check *check, const StaticResources *from, struct clusters *out)
{
    int failed = 0;

    if (!from)
        return 0;
    out->items = calloc(from->n_clusters + 1, sizeof(*out->items));
    if (!out->items)
        return config_error_memory(check->error);
    for (size_t i = 0; i < from->n_clusters && !failed; i++) {
        const struct tree_path path = tree_path_index(&clusters_path, i);

        out->count = i + 1;
        out->items[i].rank = (uint32_t)i;
        failed = cluster_read(check, from->clusters[i], &path, &out->items[i]);
    }
    return failed ? failed : check_names(check, from);
}

static int read_undialled(const struct check *check, const Google__Protobuf__Duration *from,
                          const struct tree_path *path, struct bootstrap *out)
{
    if (!from)
        return 0;
    if (duration_is_negative(from))
        return check_wrong(check, path, "undialled_endpoint_time",
                           "found a negative time, expected 0s (no warning) or more");
    out->undialled_ms = duration_ms(from);
    return 0;
}

static int read_removed_idle(const struct check *check, const Google__Protobuf__Duration *from,
                             const struct tree_path *path, struct bootstrap *out)
{
    if (!from)
        return 0;
    if (duration_is_negative(from) || !duration_ms(from))
        return check_wrong(check, path, "removed_endpoint_idle_time",
                           "found no time at all, expected at least 0.001s");
    out->removed_idle_ms = duration_ms(from);
    return 0;
}

static int read_settings(const struct check *check, const Settings *from,
                         const struct tree_path *extension, struct bootstrap *out)
{
    const struct tree_path path = tree_path_field(extension, "typed_config");

    if (from->cgroup_path[0] && from->cgroup_path[0] != '/')
        return check_wrong(check, &path, "cgroup_path",
                           "found \"%.96s\", expected an absolute path", from->cgroup_path);
    if (from->cgroup_path[0] && from->pod_cgroup)
        return check_wrong(check, &path, "pod_cgroup",
                           "found true beside a cgroup_path, expected one of them");
    out->pod_cgroup = from->pod_cgroup;
    out->omit_connection_fields = from->omit_connection_fields;
    out->report_error_bound = from->report_error_bound;
    out->emission_rules = (enum emission_rules)from->emission_rules;
    out->admin_open_to_network = from->admin_open_to_network;
    if (from->metrics_label_sets)
        out->metrics_label_sets = from->metrics_label_sets;
    int failed = read_removed_idle(check, from->removed_endpoint_idle_time, &path, out);
    if (!failed)
        failed = read_undialled(check, from->undialled_endpoint_time, &path, out);
    if (!failed)
        failed = admin_socket_read(check, from->admin_socket, &path, "admin_socket", out);
    if (!failed && from->run_as_user[0])
        failed = check_text(check, from->run_as_user, &out->run_as_user);
    if (!failed && from->cgroup_path[0])
        failed = check_text(check, from->cgroup_path, &out->cgroup_path);
    return failed;
}

static bool is_settings(const Google__Protobuf__Any *any)
{
    const char *slash = any ? strrchr(any->type_url, '/') : NULL;

    return slash && strcmp(slash + 1, loadtap__v1__settings__descriptor.name) == 0;
}

static int read_extensions(const struct check *check, const Bootstrap *from, struct bootstrap *out)
{
    bool found = false;

    for (size_t i = 0; i < from->n_bootstrap_extensions; i++) {
        const Google__Protobuf__Any *any = from->bootstrap_extensions[i]->typed_config;
        const struct tree_path path = tree_path_index(&extensions_path, i);

        if (!is_settings(any))
            continue;
        if (found)
            return check_wrong(check, &path, NULL,
                               "found a second loadtap.v1.Settings, expected one");
        found = true;
        Settings *settings = loadtap__v1__settings__unpack(NULL, any->value.len, any->value.data);
        if (!settings)
            return config_error_memory(check->error);
        int failed = read_settings(check, settings, &path, out);
        loadtap__v1__settings__free_unpacked(settings, NULL);
        if (failed)
            return failed;
    }
    return 0;
}

static int note_dynamic(struct check *check, const Bootstrap *from)
{
    if (!from->dynamic_resources)
        return 0;
    return check_note(check, "dynamic_resources: clusters from a management server: not observed");
}

/* What stands in the file for all clusters. */
static int note_name_servers(struct check *check, const struct bootstrap *bootstrap)
{
    bool has_names = bootstrap->lrs_host;

    for (size_t i = 0; i < bootstrap->clusters.count; i++)
        has_names |= cluster_has_names(&bootstrap->clusters.items[i]);
    return has_names ? dns_note_servers(check, NULL) : 0;
}

/* Envoy's keys and patterns are not followed: that it wants JSON is. */
static int read_log_config(struct check *check, struct bootstrap *out)
{
    static const char *const ignored[] = {"text_format", NULL};
    const struct tree_path config = tree_path_field(NULL, "application_log_config");
    const struct tree_path format = tree_path_field(&config, "log_format");
    const struct tree_path json = tree_path_field(&format, "json_format");

    out->log_as_json = check_is_written(check, &json);
    return check_note_written(check, &format, ignored,
                              "not followed: lines have time, level and message");
}

static int read_parts(struct check *check, const struct bootstrap_source *source, Bootstrap *from,
                      struct bootstrap *out)
{
    int failed = note_dynamic(check, from);

    if (!failed)
        failed = read_clusters(check, from->static_resources, &out->clusters);
    if (!failed)
        failed = lrs_read(check, from, out);
    if (!failed)
        failed = note_name_servers(check, out);
    if (!failed)
        failed = read_log_config(check, out);
    if (!failed)
        failed = admin_read(check, from, out);
    if (!failed)
        failed = read_extensions(check, from, out);
    out->node = TAKE(from->node);
    return failed ? failed : node_complete(check, source, &out->node);
}

static struct bootstrap *bootstrap_with_defaults(void)
{
    struct bootstrap *bootstrap = calloc(1, sizeof(*bootstrap));

    if (!bootstrap)
        return NULL;
    bootstrap->removed_idle_ms = REMOVED_IDLE_MS;
    bootstrap->undialled_ms = UNDIALLED_MS;
    bootstrap->metrics_label_sets = LABEL_SETS;
    bootstrap->admin_socket = strdup(BOOTSTRAP_ADMIN_SOCKET);
    if (!bootstrap->admin_socket)
        free(TAKE(bootstrap));
    return bootstrap;
}

/* The node is the bootstrap's already. All else that was read of secrets has been used. */
static int keep_message(const struct check *check, Bootstrap *message, struct bootstrap *out)
{
    if (redact(&message->base, &bootstrap_types))
        return config_error_memory(check->error);
    message->node = out->node;
    out->message_size = protobuf_c_message_get_packed_size(&message->base);
    out->message = malloc(out->message_size + 1);
    if (out->message)
        protobuf_c_message_pack(&message->base, out->message);
    message->node = NULL;
    return out->message ? 0 : config_error_memory(check->error);
}

static int read_message(struct check *check, const struct bootstrap_source *source,
                        struct bootstrap **out)
{
    struct bootstrap *bootstrap = bootstrap_with_defaults();
    Bootstrap *message = NULL;
    int failed = bootstrap ? fill_both(check, &message) : config_error_memory(check->error);

    if (!failed)
        failed = read_parts(check, source, message, bootstrap);
    if (!failed)
        failed = keep_message(check, message, bootstrap);
    free_message(message);
    if (bootstrap) {
        bootstrap->notes = TAKE(check->notes);
        bootstrap->note_count = check->note_count;
    }
    if (failed)
        bootstrap_free(bootstrap);
    else
        *out = bootstrap;
    return failed;
}

int bootstrap_load(const struct bootstrap_source *source, struct bootstrap **out,
                   struct config_error *error)
{
    struct tree *file = NULL, *merged = NULL;
    bool has_path = source->path && source->path[0];
    uint64_t hash = 0;
    int failed = has_path ? config_source_read(source->path, &file, &hash, error) : 0;

    if (!has_path && !(source->yaml && source->yaml[0])) {
        const struct config_place nowhere = {YAML_FLAG_NAME, 0, 0, NULL};

        return config_error_set(error, &nowhere, "found no content, expected a bootstrap");
    }

    if (!failed && source->yaml && source->yaml[0])
        failed = yaml_tree_read(YAML_FLAG_NAME, source->yaml, strlen(source->yaml), &merged, error);
    if (file)
        file->environment = source->environment;
    if (merged)
        merged->environment = source->environment;
    if (!failed) {
        struct check check = {.file = file, .merged = merged, .error = error};

        failed = read_message(&check, source, out);
    }
    if (!failed)
        (*out)->file_hash = hash;
    tree_free(file);
    tree_free(merged);
    return failed;
}

int bootstrap_file_hash(const struct bootstrap_source *source, uint64_t *out,
                        struct config_error *error)
{
    *out = 0;
    return source->path && source->path[0] ? config_source_hash(source->path, out, error) : 0;
}

void bootstrap_free(struct bootstrap *bootstrap)
{
    if (!bootstrap)
        return;
    clusters_clear(&bootstrap->clusters);
    if (bootstrap->node)
        envoy__config__core__v3__node__free_unpacked(bootstrap->node, NULL);
    for (size_t i = 0; i < bootstrap->lrs_metadata_count; i++) {
        free(bootstrap->lrs_metadata[i].key);
        free(bootstrap->lrs_metadata[i].value);
    }
    for (size_t i = 0; i < bootstrap->note_count; i++)
        free(bootstrap->notes[i]);
    free(bootstrap->lrs_metadata);
    free(bootstrap->notes);
    free(bootstrap->lrs_authority);
    free(bootstrap->lrs_host);
    tls_settings_free(bootstrap->lrs_tls);
    free(bootstrap->message);
    free(bootstrap->admin_host);
    free(bootstrap->admin_socket);
    free(bootstrap->cgroup_path);
    free(bootstrap->run_as_user);
    free(bootstrap);
}
