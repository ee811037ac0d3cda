#include "command/explain_text.h"

#include <stdbool.h>
#include <string.h>

#include "command/config_place.h"
#include "command/json_member.h"

/* "locality eu/a/rack, priority 0". */
static void print_locality(const json_t *object, FILE *out)
{
    const json_t *locality = json_object_get(object, "locality");
    const char *region = member_text(locality, "region"), *zone = member_text(locality, "zone");
    const char *sub_zone = member_text(locality, "sub_zone");

    if (*region || *zone || *sub_zone)
        fprintf(out, "locality %s/%s/%s", region, zone, sub_zone);
    else
        fprintf(out, "no locality");
    fprintf(out, ", priority %" JSON_INTEGER_FORMAT, member_number(object, "priority"));
}

static void print_endpoint(const json_t *endpoint, FILE *out)
{
    const json_t *counters = json_object_get(endpoint, "counters");
    const json_t *gauges = json_object_get(endpoint, "gauges");
    size_t i;
    json_t *name;

    fprintf(
        out,
        "    %s: issued %" JSON_INTEGER_FORMAT ", success %" JSON_INTEGER_FORMAT
        ", error %" JSON_INTEGER_FORMAT ", in progress %" JSON_INTEGER_FORMAT
        ", connections %" JSON_INTEGER_FORMAT "%s",
        member_text(endpoint, "address"), member_number(counters, "issued_requests"),
        member_number(counters, "successful_requests"), member_number(counters, "error_requests"),
        member_number(gauges, "requests_in_progress"), member_number(gauges, "active_connections"),
        member_is_true(endpoint, "exact") ? "" : "; not exact");
    if (!member_is_true(endpoint, "counted"))
        fprintf(out, "; counts elsewhere, `loadtap explain %s` says where",
                member_text(endpoint, "address"));
    if (member_is_true(endpoint, "leaving"))
        fprintf(out, "; leaving, no name has it any more");
    json_array_foreach(json_object_get(endpoint, "names"), i, name)
        fprintf(out, "%s%s", i ? ", " : "; by DNS from ", json_string_value(name));
    fputc('\n', out);
}

static void print_localities(const json_t *cluster, FILE *out)
{
    size_t i, j;
    json_t *group, *endpoint;

    json_array_foreach(json_object_get(cluster, "localities"), i, group)
    {
        fprintf(out, "  ");
        print_locality(group, out);
        fprintf(out, " (load_assignment.endpoints[%" JSON_INTEGER_FORMAT "])\n",
                member_number(group, "index"));
        json_array_foreach(json_object_get(group, "endpoints"), j, endpoint)
            print_endpoint(endpoint, out);
    }
}

/* Those requests that tell of the cluster: a large report goes out as several. */
static void print_next(const json_t *answer, FILE *out)
{
    const json_t *requests =
        json_object_get(json_object_get(answer, "next"), "load_stats_requests");
    size_t i, printed = 0;
    json_t *request;

    json_array_foreach(requests, i, request)
    {
        if (!json_array_size(json_object_get(request, "cluster_stats")))
            continue;
        fputs(printed++ ? "" : "The next report, if it were sent now:\n", out);
        json_dumpf(request, out, JSON_INDENT(2));
        fputc('\n', out);
    }
    if (!printed)
        fprintf(out, "The next report has nothing of it.\n");
}

void explain_cluster_text(const json_t *answer, FILE *out)
{
    const json_t *cluster = json_object_get(answer, "cluster");

    fprintf(out, "cluster %s: %s, protocol %s\n", member_text(cluster, "name"),
            member_text(cluster, "discovery"), member_text(cluster, "protocol"));
    if (!member_is_true(cluster, "observed"))
        fprintf(out, "  no socket shows its load: it is in no report\n");
    else if (!member_is_true(cluster, "reported"))
        fprintf(out, "  the management server does not ask for it, so it is in no report\n");
    print_localities(cluster, out);
    print_next(answer, out);
}

/* --- an address --------------------------------------------------------------------------------- */

static void print_place(const json_t *place, const struct explain_source *source, FILE *out)
{
    const char *path = member_text(place, "path");
    unsigned line = source->tree ? config_place_line(source->tree, path) : 0;
    bool is_dns = strcmp(member_text(place, "found_by"), "DNS") == 0;

    fprintf(out, "  ");
    if (line)
        fprintf(out, "%s:%u: ", source->file, line);
    fprintf(out, "%s: %s%s\n", path, member_text(place, "host"),
            is_dns ? ", which DNS or the hosts file resolves to it" : "");
}

static void print_host(const json_t *host, const struct explain_source *source, FILE *out)
{
    size_t i;
    json_t *place;

    fprintf(out, "cluster %s, ", member_text(host, "cluster"));
    print_locality(host, out);
    fprintf(out, ": %s\n", member_text(host, "why"));
    json_array_foreach(json_object_get(host, "places"), i, place) print_place(place, source, out);
    print_endpoint(json_object_get(host, "endpoint"), out);
}

void explain_address_text(const json_t *answer, const struct explain_source *source, FILE *out)
{
    size_t i;
    json_t *host;

    json_array_foreach(json_object_get(answer, "hosts"), i, host) print_host(host, source, out);
    print_next(answer, out);
}
