/* An Envoy bootstrap, loaded and checked: the clusters, and what else loadtap needs of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/clusters.h"
#include "config/emission_rules.h"
#include "config/keepalive_settings.h"
#include "config/tls_settings.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "message/config_error.h"
#include "message/message_fill.h"

/* admin_socket, unless the configuration says otherwise. */
#define BOOTSTRAP_ADMIN_SOCKET "/run/loadtap/admin.sock"

/* Where it comes from; each may be NULL, but not both path and yaml. */
struct bootstrap_source {
    const char *path; /* .json: JSON; anything else: YAML */
    const char *yaml; /* merged on top, as Envoy does: messages merge, lists append, scalars win */
    const char *const
        *environment; /* variables in values are replaced by its own; NULL: they are not */
    const char *service_node, *service_cluster, *service_zone; /* win over the node's, if not "" */
};

/* Metadata sent with the report stream's request, as it goes out: lower case, "-bin" in base64. */
struct initial_metadata {
    char *key, *value;
};

struct bootstrap {
    uint64_t file_hash; /* of the file's content; 0: there is no file */
    struct clusters clusters;
    Envoy__Config__Core__V3__Node *node; /* complete: goes into every report as it is */
    /* Reports go to a cluster, or, where it is not NULL, to a host that is none. */
    size_t lrs_cluster; /* index into clusters.items */
    char *lrs_host;     /* a name or an IP literal */
    uint16_t lrs_port;
    char *lrs_authority;
    struct tls_settings *lrs_tls; /* NULL: plain TCP */
    struct keepalive_settings lrs_keepalive;
    struct initial_metadata *lrs_metadata;
    size_t lrs_metadata_count;
    char *admin_host; /* IP literal; NULL: no admin */
    uint16_t admin_port;
    char *admin_socket; /* path; NULL: none */
    bool admin_open_to_network;
    size_t metrics_label_sets;
    char *cgroup_path; /* NULL: the own pod's, or else the root of the hierarchy */
    bool pod_cgroup;
    char *run_as_user; /* NULL: the default */
    bool log_as_json;  /* application_log_config has a json_format, whatever it says */
    bool omit_connection_fields;
    bool report_error_bound;
    enum emission_rules emission_rules;
    uint64_t removed_idle_ms; /* removed_endpoint_idle_time */
    uint8_t *message;         /* all that was read, as a Bootstrap on the wire, redacted */
    size_t message_size;
    uint64_t undialled_ms; /* undialled_endpoint_time; 0: no end of it */
    char **notes;          /* one line for each thing that is accepted but not observed or opaque */
    size_t note_count;
};

/* The messages that may stand in its Any fields and are read. */
extern const struct message_types bootstrap_types;

/* 0; or -EINVAL, -ENOMEM, -errno of reading the file, with the reason in `error` and `*out`
 * unchanged. Reads files, resolves no name. */
int bootstrap_load(const struct bootstrap_source *source, struct bootstrap **out,
                   struct config_error *error);
/* What file_hash of the file would be now. 0; -errno of reading it, with the reason in `error`. */
int bootstrap_file_hash(const struct bootstrap_source *source, uint64_t *out,
                        struct config_error *error);
void bootstrap_free(struct bootstrap *bootstrap); /* NULL is fine */
