#include "command/explain_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "command/config_place.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static bool is_set(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "locality eu/a/rack, priority 0". */
static void print_locality(const json_t *object, FILE *out)
{
    const json_t *locality = json_object_get(object, "locality");
    const char *region = text_of(locality, "region"), *zone = text_of(locality, "zone");
    const char *sub_zone = text_of(locality, "sub_zone");

    if (*region || *zone || *sub_zone)
        fprintf(out, "locality %s/%s/%s", region, zone, sub_zone);
    else
        fprintf(out, "no locality");
    fprintf(out, ", priority %" JSON_INTEGER_FORMAT, number_of(object, "priority"));
}

static void print_endpoint(const json_t *endpoint, FILE *out)
{
    const json_t *counters = json_object_get(endpoint, "counters");
    const json_t *gauges = json_object_get(endpoint, "gauges");
    size_t i;
    json_t *name;

    fprintf(out,
            "    %s: issued %" JSON_INTEGER_FORMAT ", success %" JSON_INTEGER_FORMAT
            ", error %" JSON_INTEGER_FORMAT ", in progress %" JSON_INTEGER_FORMAT
            ", connections %" JSON_INTEGER_FORMAT "%s",
            text_of(endpoint, "address"), number_of(counters, "issued_requests"),
            number_of(counters, "successful_requests"), number_of(counters, "error_requests"),
            number_of(gauges, "requests_in_progress"), number_of(gauges, "active_connections"),
            is_set(endpoint, "exact") ? "" : "; not exact");
    if (!is_set(endpoint, "counted"))
        fprintf(out, "; counts elsewhere, `loadtap explain %s` says where",
                text_of(endpoint, "address"));
    if (is_set(endpoint, "leaving"))
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
                number_of(group, "index"));
        json_array_foreach(json_object_get(group, "endpoints"), j, endpoint)
            print_endpoint(endpoint, out);
    }
}

/* The requests, one after the other, as they would go out. */
static void print_next(const json_t *answer, FILE *out)
{
    size_t i;
    json_t *request;

    fprintf(out, "The next report, if it were sent now:\n");
    json_array_foreach(json_object_get(json_object_get(answer, "next"), "load_stats_requests"), i,
                       request)
    {
        json_dumpf(request, out, JSON_INDENT(2));
        fputc('\n', out);
    }
}

void explain_cluster_text(const json_t *answer, FILE *out)
{
    const json_t *cluster = json_object_get(answer, "cluster");

    fprintf(out, "cluster %s: %s, protocol %s\n", text_of(cluster, "name"),
            text_of(cluster, "discovery"), text_of(cluster, "protocol"));
    if (!is_set(cluster, "observed"))
        fprintf(out, "  no socket shows its load: it is in no report\n");
    else if (!is_set(cluster, "reported"))
        fprintf(out, "  the management server does not ask for it, so it is in no report\n");
    print_localities(cluster, out);
    print_next(answer, out);
}

/* --- an address --------------------------------------------------------------------------------- */

static void print_place(const json_t *place, const struct explain_source *source, FILE *out)
{
    const char *path = text_of(place, "path");
    unsigned line = source->tree ? config_place_line(source->tree, path) : 0;
    bool is_dns = strcmp(text_of(place, "found_by"), "DNS") == 0;

    fprintf(out, "  ");
    if (line)
        fprintf(out, "%s:%u: ", source->file, line);
    fprintf(out, "%s: %s%s\n", path, text_of(place, "host"),
            is_dns ? ", which DNS or the hosts file resolves to it" : "");
}

static void print_host(const json_t *host, const struct explain_source *source, FILE *out)
{
    size_t i;
    json_t *place;

    fprintf(out, "cluster %s, ", text_of(host, "cluster"));
    print_locality(host, out);
    fprintf(out, ": %s\n", text_of(host, "why"));
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
