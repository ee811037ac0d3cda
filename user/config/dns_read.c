#include "config/dns_read.h"

#include "message/duration.h"

#define DEFAULT_MS 5000

/* Above 1 ms, as Envoy wants all but the jitter. Unset: `*out` stays. */
static int read_interval(const struct check *check, const Google__Protobuf__Duration *from,
                         const struct tree_path *path, const char *field, uint64_t *out)
{
    if (!from)
        return 0;
    if (duration_is_negative(from) || (!from->seconds && from->nanos <= 1000000))
        return check_wrong(check, path, field,
                           "found 1 ms or less, expected a duration above 0.001s");
    *out = duration_ms(from);
    return 0;
}

static int read_failure_rate(const struct check *check, const struct dns_fields *from,
                             const struct tree_path *path, struct dns_refresh *out)
{
    const struct tree_path rate = tree_path_field(path, "dns_failure_refresh_rate");
    int failed;

    if (!from->has_failure_rate)
        return 0;
    if (!from->failure_base)
        return check_wrong(check, &rate, "base_interval", "found none, expected a duration");
    failed =
        read_interval(check, from->failure_base, &rate, "base_interval", &out->failure_base_ms);
    out->failure_max_ms = 10 * out->failure_base_ms;
    if (!failed)
        failed =
            read_interval(check, from->failure_max, &rate, "max_interval", &out->failure_max_ms);
    if (!failed && out->failure_max_ms < out->failure_base_ms)
        failed = check_wrong(check, &rate, "max_interval",
                             "found less than base_interval, expected at least that");
    return failed;
}

int dns_refresh_read(const struct check *check, const struct dns_fields *from,
                     const struct tree_path *path, struct dns_refresh *out)
{
    int failed;

    *out = (struct dns_refresh){.rate_ms = DEFAULT_MS, .respect_ttl = from->respect_ttl};
    failed = read_interval(check, from->rate, path, "dns_refresh_rate", &out->rate_ms);
    if (!failed)
        failed = read_failure_rate(check, from, path, out);
    if (failed || !from->jitter)
        return failed;
    if (duration_is_negative(from->jitter))
        return check_wrong(check, path, "dns_jitter",
                           "found a negative duration, expected at least 0s");
    out->jitter_ms = duration_ms(from->jitter);
    return 0;
}

int dns_note_servers(struct check *check, const struct tree_path *path)
{
    static const char *const fields[] = {"typed_dns_resolver_config", "dns_resolution_config",
                                         "dns_resolvers", NULL};

    return check_note_written(check, path, fields,
                              "not followed: names are resolved by the hosts file and the name "
                              "servers of resolv.conf, so these have to know them too");
}
