#include "daemon/change.h"

#include <stdio.h>

#include "config/bootstrap_change.h"
#include "upstream/vacate.h"

static void on_vacant(void *arg, uint32_t cluster)
{
    const struct change_target *target = arg;

    reporter_forget(target->reporter, cluster);
}

/* How many lists of health checks it may need more, if none of them is there already. */
static size_t new_checks(const struct bootstrap *to, const struct cluster_changes *changes,
                         const struct clusters *from)
{
    size_t count = 0;

    for (size_t i = 0; i < to->clusters.count; i++) {
        uint32_t place = cluster_changes_place(changes, i);
        bool stays = place < from->count && from->items[place].presence == PRESENCE_LIVE &&
                     !(changes->kinds[place] & CHANGED_COUNTING);

        count += to->clusters.items[i].health_check_count && !stays;
    }
    return count;
}

/* The kernel's maps do not grow. */
static int check_room(const struct change_target *target, const struct bootstrap *to,
                      const struct cluster_changes *changes, const char *file,
                      struct config_error *error)
{
    const struct config_place place = {file ? file : "--config-yaml", 0, 0, "static_resources"};
    size_t checks = new_checks(to, changes, &target->bootstrap->clusters), hosts;

    if (upstreams_new_hosts(target->upstreams, changes, &hosts))
        return config_error_memory(error);
    if (hosts > hosts_room(target->hosts))
        return config_error_set(
            error, &place,
            "found %zu endpoints that are new, expected at most the %zu that the kernel's maps "
            "have "
            "room for (those that were dropped keep theirs for removed_endpoint_idle_time): more "
            "takes a restart",
            hosts, hosts_room(target->hosts));
    if (checks > tap_checks_room(target->tap))
        return config_error_set(
            error, &place,
            "found %zu clusters whose health_checks are new, expected at most the %u that the "
            "kernel's maps have room for: more takes a restart",
            checks, tap_checks_room(target->tap));
    return 0;
}

static void follow(const struct change_target *target, const struct cluster_changes *changes)
{
    const struct bootstrap *bootstrap = target->bootstrap;
    const struct reporter_options looks = {.node = bootstrap->node,
                                           .omit_connections = bootstrap->omit_connection_fields,
                                           .error_bound = bootstrap->report_error_bound,
                                           .emission = bootstrap->emission_rules};

    reporter_change(target->reporter, &looks);
    lookout_change(target->lookout, bootstrap->undialled_ms * 1000,
                   bootstrap->lrs_host ? SIZE_MAX : bootstrap->lrs_cluster);
    reporter_clusters_changed(target->reporter);
    upstreams_set_idle(target->upstreams, bootstrap->removed_idle_ms * 1000);
    upstreams_change(target->upstreams, changes);
}

static int make(const struct change_target *target, struct bootstrap *to, const char *file,
                struct cluster_changes *changes, bool *new_stream, struct config_error *error)
{
    int failed = check_room(target, to, changes, file, error);

    if (failed)
        return failed;
    if (reporter_reserve(target->reporter, changes->cluster_count))
        return config_error_memory(error);
    *new_stream = bootstrap_change_stream(target->bootstrap, to, changes);
    bootstrap_change_make(target->bootstrap, to, changes);
    follow(target, changes);
    return 0;
}

int change_make(const struct change_target *target, struct bootstrap *to, const char *file,
                uint64_t now_us, char *text, struct config_error *error)
{
    struct cluster_changes *changes;
    bool new_stream = false;
    int failed = bootstrap_change_check(target->bootstrap, to, file, error);

    if (failed)
        return failed;
    vacate(&target->bootstrap->clusters, target->hosts, on_vacant, (void *)target);
    if (cluster_changes_find(&target->bootstrap->clusters, &to->clusters, &changes))
        return config_error_memory(error);
    failed = make(target, to, file, changes, &new_stream, error);
    if (!failed) {
        snprintf(text, CHANGE_TEXT_MAX,
                 "%zu clusters (%zu came, %zu went), %zu endpoints came, %zu went%s",
                 clusters_live(&target->bootstrap->clusters), changes->new_clusters,
                 changes->lost_clusters, changes->added_count, changes->dropped_count,
                 new_stream ? "; the stream to the management server is another one" : "");
        if (new_stream) {
            report_stream_renew(target->stream);
            reporter_renew_stream(target->reporter, now_us);
        }
    }
    cluster_changes_free(changes);
    return failed;
}
