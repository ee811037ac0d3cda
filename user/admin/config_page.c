#include "admin/config_page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "message/message_json.h"

static void time_text(int64_t seconds, char *out, size_t size)
{
    time_t time = (time_t)seconds;
    struct tm utc;

    gmtime_r(&time, &utc);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* --- the dump ----------------------------------------------------------------------------------- */

static json_t *bootstrap_json(const struct bootstrap *bootstrap)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(&envoy__config__bootstrap__v3__bootstrap__descriptor, NULL,
                                  bootstrap->message_size, bootstrap->message);
    size_t unknown = 0;
    json_t *object = message ? message_json(message, &bootstrap_types, &unknown) : NULL;

    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
    return object;
}

/* Envoy's list of clusters, with the bootstrap's own entries. */
static json_t *clusters_dump(const json_t *bootstrap, const char *updated)
{
    json_t *from = json_object_get(json_object_get(bootstrap, "static_resources"), "clusters");
    json_t *list = json_array(), *cluster;
    size_t i;

    json_array_foreach(from, i, cluster)
    {
        json_t *copy = json_deep_copy(cluster);

        json_object_set_new(copy, "@type",
                            json_string("type.googleapis.com/envoy.config.cluster.v3.Cluster"));
        json_array_append_new(list,
                              json_pack("{s:o, s:s}", "cluster", copy, "last_updated", updated));
    }
    return json_pack("{s:s, s:o}", "@type", "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
                     "static_clusters", list);
}

json_t *config_dump_json(const struct bootstrap *bootstrap, uint64_t loaded_us)
{
    json_t *message = bootstrap_json(bootstrap), *clusters;
    char updated[32];

    if (!message)
        return NULL;
    time_text((int64_t)(loaded_us / 1000000), updated, sizeof(updated));
    clusters = clusters_dump(message, updated);
    return json_pack("{s:[{s:s, s:o, s:s}, o]}", "configs", "@type",
                     "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap", message,
                     "last_updated", updated, clusters);
}

/* --- certificates ------------------------------------------------------------------------------- */

json_t *certificates_begin(void)
{
    return json_pack("{s:[{s:[], s:[]}]}", "certificates", "ca_cert", "cert_chain");
}

void certificates_add(json_t *all, const struct tls_certificate *certificate, int64_t now)
{
    json_t *first = json_array_get(json_object_get(all, "certificates"), 0);
    json_t *names = json_array();
    char from[32], until[32], days[24];
    int64_t left = (certificate->expires - now) / 86400;

    time_text(certificate->valid_from, from, sizeof(from));
    time_text(certificate->expires, until, sizeof(until));
    snprintf(days, sizeof(days), "%lld", (long long)(left > 0 ? left : 0));
    for (size_t i = 0; i < certificate->dns_name_count; i++)
        json_array_append_new(names, json_pack("{s:s}", "dns", certificate->dns_names[i]));
    json_array_append_new(json_object_get(first, certificate->is_ca ? "ca_cert" : "cert_chain"),
                          json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "path",
                                    certificate->place, "serial_number", certificate->serial,
                                    "subject", certificate->subject, "subject_alt_names", names,
                                    "days_until_expiration", days, "valid_from", from,
                                    "expiration_time", until));
}
