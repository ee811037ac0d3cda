#include "config/node_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/version.h"

typedef Envoy__Config__Core__V3__Node Node;
typedef Envoy__Config__Core__V3__BuildVersion BuildVersion;

#define USER_AGENT_NAME "loadtap"
/* Tells the server that it may answer with send_all_clusters. */
#define SEND_ALL_CLUSTERS_FEATURE "envoy.lrs.supports_send_all_clusters"

static void *new_message(const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = calloc(1, type->sizeof_message);

    if (message)
        protobuf_c_message_init(type, message);
    return message;
}

/* Strings of a message: protobuf-c's empty one is static and never freed. */
static int replace_text(const struct check *check, char **member, const char *text)
{
    char *copy;
    int failed = check_text(check, text, &copy);

    if (failed)
        return failed;
    if (*member != (char *)protobuf_c_empty_string)
        free(*member);
    *member = copy;
    return 0;
}

static int override_text(const struct check *check, char **member, const char *flag)
{
    return flag && flag[0] ? replace_text(check, member, flag) : 0;
}

static int override_zone(const struct check *check, Node *node, const char *zone)
{
    if (!zone || !zone[0])
        return 0;
    if (!node->locality)
        node->locality = new_message(&envoy__config__core__v3__locality__descriptor);
    if (!node->locality)
        return config_error_memory(check->error);
    return replace_text(check, &node->locality->zone, zone);
}

static void drop_version(Node *node)
{
    if (node->user_agent_version_type_case ==
        ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_BUILD_VERSION)
        envoy__config__core__v3__build_version__free_unpacked(node->user_agent_build_version, NULL);
    else if (node->user_agent_version_type_case ==
                 ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION &&
             node->user_agent_version != (char *)protobuf_c_empty_string)
        free(node->user_agent_version);
    node->user_agent_version_type_case =
        ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE__NOT_SET;
}

static int set_version(const struct check *check, Node *node)
{
    BuildVersion *build = new_message(&envoy__config__core__v3__build_version__descriptor);
    Envoy__Type__V3__SemanticVersion *version =
        new_message(&envoy__type__v3__semantic_version__descriptor);

    if (!build || !version) {
        free(build);
        free(version);
        return config_error_memory(check->error);
    }
    version->major_number = VERSION_MAJOR;
    version->minor_number = VERSION_MINOR;
    version->patch = VERSION_PATCH;
    build->version = version;
    drop_version(node);
    node->user_agent_build_version = build;
    node->user_agent_version_type_case =
        ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_BUILD_VERSION;
    return 0;
}

static int add_feature(const struct check *check, Node *node, const char *feature)
{
    for (size_t i = 0; i < node->n_client_features; i++)
        if (strcmp(node->client_features[i], feature) == 0)
            return 0;
    size_t count = node->n_client_features;
    char **features = realloc(node->client_features, (count + 1) * sizeof(*features));

    if (!features)
        return config_error_memory(check->error);
    node->client_features = features;
    int failed = check_text(check, feature, &features[count]);
    if (!failed)
        node->n_client_features = count + 1;
    return failed;
}

static int note_empty(struct check *check, const Node *node)
{
    if (node->id[0] && node->cluster[0])
        return 0;
    return check_note(check,
                      "the node has no %s: the management server cannot tell it from others "
                      "(--service-node, --service-cluster)",
                      node->id[0]        ? "cluster"
                      : node->cluster[0] ? "id"
                                         : "id and no cluster");
}

/* A slip that nothing else would show: every node would report under the same name. */
static int note_variables(struct check *check, const struct bootstrap_source *source,
                          const Node *node)
{
    const Envoy__Config__Core__V3__Locality *locality = node->locality;
    const char *texts[] = {node->id, node->cluster, locality ? locality->region : "",
                           locality ? locality->zone : "", locality ? locality->sub_zone : ""};

    for (size_t i = 0; i < ARRAY_SIZE(texts) && !source->environment; i++)
        if (strstr(texts[i], "${"))
            return check_note(check,
                              "the node says \"%.64s\" as it is written: --config-expand-env "
                              "replaces variables by their values",
                              texts[i]);
    return 0;
}

int node_complete(struct check *check, const struct bootstrap_source *source, Node **node)
{
    int failed;

    if (!*node)
        *node = new_message(&envoy__config__core__v3__node__descriptor);
    if (!*node)
        return config_error_memory(check->error);
    failed = override_text(check, &(*node)->id, source->service_node);
    if (!failed)
        failed = override_text(check, &(*node)->cluster, source->service_cluster);
    if (!failed)
        failed = override_zone(check, *node, source->service_zone);
    if (!failed)
        failed = replace_text(check, &(*node)->user_agent_name, USER_AGENT_NAME);
    if (!failed)
        failed = set_version(check, *node);
    if (!failed)
        failed = add_feature(check, *node, SEND_ALL_CLUSTERS_FEATURE);
    if (!failed)
        failed = note_variables(check, source, *node);
    return failed ? failed : note_empty(check, *node);
}
