#include "config/bootstrap_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* --- what only a start can do --------------------------------------------------------------------*/

static int fail(const char *file, const char *field, const char *found, const char *runs,
                struct config_error *error)
{
    const struct config_place place = {file ? file : "--config-yaml", 0, 0, field};

    return config_error_set(error, &place,
                            "found %s, expected %s, with which loadtap runs: this takes a restart",
                            found, runs);
}

static const char *shown(const char *text)
{
    return text ? text : "none";
}

static const char *shown_bool(bool value)
{
    return value ? "true" : "false";
}

static void admin_text(const struct bootstrap *bootstrap, char *out, size_t size)
{
    if (bootstrap->admin_host)
        snprintf(out, size, "%.250s:%u", bootstrap->admin_host, bootstrap->admin_port);
    else
        snprintf(out, size, "none");
}

int bootstrap_change_check(const struct bootstrap *from, const struct bootstrap *to,
                           const char *file, struct config_error *error)
{
    char found[300], runs[300];

    if (!same_text(from->cgroup_path, to->cgroup_path))
        return fail(file, "bootstrap_extensions: cgroup_path", shown(to->cgroup_path),
                    shown(from->cgroup_path), error);
    if (from->pod_cgroup != to->pod_cgroup)
        return fail(file, "bootstrap_extensions: pod_cgroup", shown_bool(to->pod_cgroup),
                    shown_bool(from->pod_cgroup), error);
    if (!same_text(from->run_as_user, to->run_as_user))
        return fail(file, "bootstrap_extensions: run_as_user", shown(to->run_as_user),
                    shown(from->run_as_user), error);
    if (!same_text(from->admin_socket, to->admin_socket))
        return fail(file, "bootstrap_extensions: admin_socket", shown(to->admin_socket),
                    shown(from->admin_socket), error);
    if (from->log_as_json != to->log_as_json)
        return fail(file, "application_log_config", to->log_as_json ? "JSON" : "text",
                    from->log_as_json ? "JSON" : "text", error);
    if (same_text(from->admin_host, to->admin_host) && from->admin_port == to->admin_port)
        return 0;
    admin_text(to, found, sizeof(found));
    admin_text(from, runs, sizeof(runs));
    return fail(file, "admin.address", found, runs, error);
}

/* --- the stream ----------------------------------------------------------------------------------*/

static bool same_node(const Envoy__Config__Core__V3__Node *a,
                      const Envoy__Config__Core__V3__Node *b)
{
    size_t size = protobuf_c_message_get_packed_size(&a->base);
    autofree uint8_t *of_a = malloc(size + 1), *of_b = malloc(size + 1);

    if (!of_a || !of_b || protobuf_c_message_get_packed_size(&b->base) != size)
        return false;
    protobuf_c_message_pack(&a->base, of_a);
    protobuf_c_message_pack(&b->base, of_b);
    return !memcmp(of_a, of_b, size);
}

static bool same_metadata(const struct bootstrap *a, const struct bootstrap *b)
{
    if (a->lrs_metadata_count != b->lrs_metadata_count)
        return false;
    for (size_t i = 0; i < a->lrs_metadata_count; i++)
        if (strcmp(a->lrs_metadata[i].key, b->lrs_metadata[i].key) ||
            strcmp(a->lrs_metadata[i].value, b->lrs_metadata[i].value))
            return false;
    return true;
}

static bool same_keepalive(const struct keepalive_settings *a, const struct keepalive_settings *b)
{
    return a->interval_us == b->interval_us && a->timeout_us == b->timeout_us &&
           a->jitter == b->jitter;
}

/* The endpoints of the cluster that reports go to, or how they are found. */
static bool same_addresses(const struct bootstrap *to, const struct cluster_changes *changes)
{
    uint32_t place = cluster_changes_place(changes, to->lrs_cluster);

    if (changes->kinds[place] & CHANGED_RESOLVING)
        return false;
    for (size_t i = 0; i < changes->added_count; i++)
        if (changes->added[i].cluster == place)
            return false;
    for (size_t i = 0; i < changes->dropped_count; i++)
        if (changes->dropped[i].cluster == place)
            return false;
    return true;
}

static bool same_target(const struct bootstrap *from, const struct bootstrap *to,
                        const struct cluster_changes *changes)
{
    if (from->lrs_host || to->lrs_host)
        return same_text(from->lrs_host, to->lrs_host) && from->lrs_port == to->lrs_port;
    return cluster_changes_place(changes, to->lrs_cluster) == from->lrs_cluster &&
           same_addresses(to, changes);
}

bool bootstrap_change_stream(const struct bootstrap *from, const struct bootstrap *to,
                             const struct cluster_changes *changes)
{
    return !same_node(from->node, to->node) || !same_target(from, to, changes) ||
           !same_text(from->lrs_authority, to->lrs_authority) || !same_metadata(from, to) ||
           !same_keepalive(&from->lrs_keepalive, &to->lrs_keepalive) ||
           !tls_settings_equal(from->lrs_tls, to->lrs_tls);
}

/* --- the change itself ---------------------------------------------------------------------------*/

/* A stream that goes on borrows what stands at `before->lrs_tls`: where both say the same, that stays
 * `bootstrap`'s, but with the places in the new file. */
static void keep_tls(struct bootstrap *bootstrap, struct bootstrap *before)
{
    struct tls_settings *stays = before->lrs_tls, contents;

    if (!stays || !tls_settings_equal(stays, bootstrap->lrs_tls))
        return;
    contents = *stays;
    *stays = *bootstrap->lrs_tls;
    *bootstrap->lrs_tls = contents;
    before->lrs_tls = bootstrap->lrs_tls;
    bootstrap->lrs_tls = stays;
}

void bootstrap_change_make(struct bootstrap *bootstrap, struct bootstrap *to,
                           struct cluster_changes *changes)
{
    struct clusters clusters = bootstrap->clusters, empty;
    struct bootstrap before = *bootstrap;
    uint32_t lrs_cluster = to->lrs_host ? 0 : cluster_changes_place(changes, to->lrs_cluster);

    cluster_changes_make(changes, &clusters, &to->clusters);
    empty = to->clusters;
    *bootstrap = *to;
    bootstrap->clusters = clusters;
    bootstrap->lrs_cluster = lrs_cluster;
    *to = before;
    to->clusters = empty;
    keep_tls(bootstrap, to);
}
