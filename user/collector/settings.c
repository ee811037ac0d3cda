#include "collector/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "loadtap/v1/collector.pb-c.h"
#include "message/check.h"
#include "message/config_source.h"
#include "message/message_fill.h"

typedef Loadtap__V1__CollectorSettings settings_message;
typedef Loadtap__V1__NodeSettings node_message;

struct settings {
    settings_message *file;  /* NULL: none */
    struct answer **answers; /* one for each of file->nodes */
    struct answer *otherwise;
};

/* --- one node's entry, on top of what it leaves out ----------------------------------- */

static int read_interval(const struct check *check, const struct tree_path *path,
                         const Google__Protobuf__Duration *from, uint64_t *out)
{
    uint64_t us;

    if (!from)
        return 0;
    us = (uint64_t)from->seconds * 1000000 + (uint64_t)from->nanos / 1000;
    if (from->seconds < 0 || from->nanos < 0 ||
        from->seconds > (int64_t)(ASK_INTERVAL_MAX_US / 1000000) || us < ASK_INTERVAL_MIN_US ||
        us > ASK_INTERVAL_MAX_US)
        return check_wrong(check, path, "load_reporting_interval",
                           "found an interval that is out of range, expected 0.001s to 86400s");
    *out = us;
    return 0;
}

static int check_names(const struct check *check, const struct tree_path *path, const char *field,
                       char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!*names[i])
            return check_wrong(check, path, field, "found an empty name, expected none");
    return 0;
}

static int read_clusters(const struct check *check, const struct tree_path *path,
                         const node_message *from, struct ask *ask)
{
    bool all = from->send_all_clusters && from->send_all_clusters->value;

    if (from->n_clusters > 0 && all)
        return check_wrong(check, path, "clusters",
                           "found clusters beside send_all_clusters, expected only one of them");
    if (from->n_clusters == 0 && from->send_all_clusters && !all)
        return check_wrong(check, path, "send_all_clusters",
                           "found false and no clusters, expected true, or the names of some in "
                           "'clusters'");
    if (from->n_clusters > 0) {
        ask->clusters = from->clusters;
        ask->cluster_count = from->n_clusters;
    } else if (all) {
        ask->clusters = NULL;
        ask->cluster_count = 0;
    }
    return check_names(check, path, "clusters", from->clusters, from->n_clusters);
}

static int read_ask(const struct check *check, const struct tree_path *path,
                    const node_message *from, struct ask *ask)
{
    int failed = read_interval(check, path, from->load_reporting_interval, &ask->interval_us);

    if (from->report_endpoint_granularity)
        ask->endpoints = from->report_endpoint_granularity->value;
    return failed ? failed : read_clusters(check, path, from, ask);
}

static int make_answer(const struct check *check, const struct ask *ask, struct answer **out)
{
    *out = answer_new(ask);
    return *out ? 0 : config_error_memory(check->error);
}

/* --- the file -------------------------------------------------------------------------- */

static int read_node(const struct check *check, const struct tree_path *path,
                     const node_message *from, const struct ask *base, struct answer **out)
{
    struct ask ask = *base;
    int failed;

    if (from->n_node_ids + from->n_node_clusters == 0)
        return check_wrong(
            check, path, NULL,
            "found neither node_ids nor node_clusters, expected one or both (what is "
            "for all nodes goes below 'default')");
    failed = check_names(check, path, "node_ids", from->node_ids, from->n_node_ids);
    if (!failed)
        failed =
            check_names(check, path, "node_clusters", from->node_clusters, from->n_node_clusters);
    if (!failed)
        failed = read_ask(check, path, from, &ask);
    return failed ? failed : make_answer(check, &ask, out);
}

static int read_default(const struct check *check, const node_message *from, struct ask *base)
{
    const struct tree_path path = tree_path_field(NULL, "default");

    if (!from)
        return 0;
    if (from->n_node_ids + from->n_node_clusters > 0)
        return check_wrong(check, &path, from->n_node_ids ? "node_ids" : "node_clusters",
                           "found a choice of nodes, expected none: it is for all the others");
    return read_ask(check, &path, from, base);
}

static int read_settings(const struct check *check, const struct ask *ask,
                         struct settings *settings)
{
    const settings_message *file = settings->file;
    const struct tree_path nodes = tree_path_field(NULL, "nodes");
    struct ask base = *ask;
    int failed = read_default(check, file->default_, &base);

    settings->answers = calloc(file->n_nodes + 1, sizeof(struct answer *));
    if (!failed && !settings->answers)
        failed = config_error_memory(check->error);
    for (size_t i = 0; i < file->n_nodes && !failed; i++) {
        const struct tree_path path = tree_path_index(&nodes, i);

        failed = read_node(check, &path, file->nodes[i], &base, &settings->answers[i]);
    }
    return failed ? failed : make_answer(check, &base, &settings->otherwise);
}

static int read_file(const char *path, const struct ask *ask, struct settings *settings,
                     struct config_error *error)
{
    static const struct message_types none = {NULL, 0};
    struct tree *tree = NULL;
    int failed = config_source_read(path, &tree, NULL, error);

    if (!failed)
        failed = message_fill(tree, &loadtap__v1__collector_settings__descriptor, &none,
                              (ProtobufCMessage **)&settings->file, error);
    if (!failed) {
        const struct check check = {.file = tree, .error = error};

        failed = read_settings(&check, ask, settings);
    }
    tree_free(tree);
    return failed;
}

int settings_new(const char *path, const struct ask *ask, struct settings **out,
                 struct config_error *error)
{
    const struct check nowhere = {.error = error};
    struct settings *settings = calloc(1, sizeof(*settings));
    int failed;

    if (!settings)
        return config_error_memory(error);
    failed = path ? read_file(path, ask, settings, error)
                  : make_answer(&nowhere, ask, &settings->otherwise);
    if (failed)
        settings_free(settings);
    else
        *out = settings;
    return failed;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; settings->answers && i < settings->file->n_nodes; i++)
        answer_drop(settings->answers[i]);
    answer_drop(settings->otherwise);
    free(settings->answers);
    if (settings->file)
        loadtap__v1__collector_settings__free_unpacked(settings->file, NULL);
    free(settings);
}

/* --- which entry is whose --------------------------------------------------------------- */

static bool is_among(const char *name, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

struct answer *settings_answer(const struct settings *settings, const char *node_id,
                               const char *node_cluster)
{
    const settings_message *file = settings->file;

    for (size_t i = 0; file && i < file->n_nodes; i++)
        if (is_among(node_id, file->nodes[i]->node_ids, file->nodes[i]->n_node_ids) ||
            is_among(node_cluster, file->nodes[i]->node_clusters, file->nodes[i]->n_node_clusters))
            return settings->answers[i];
    return settings->otherwise;
}
