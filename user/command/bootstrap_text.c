#include "command/bootstrap_text.h"

#include <inttypes.h>

static const char *const speeches[] = {
    [SPEECH_UNKNOWN] = "?", [SPEECH_HTTP] = "HTTP", [SPEECH_TLS] = "TLS", [SPEECH_SESSION] = "TCP"};

/* In double quotes: then it is a string whatever it looks like. */
static void print_string(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

/* Whatever a process calls itself, a comment stays one line, in ASCII. */
static void print_comment(const char *text, FILE *out)
{
    for (; *text; text++)
        fputc(*text >= ' ' && *text < 0x7f ? *text : '?', out);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_head(const struct bootstrap_facts *facts, const struct peer_groups *groups,
                       FILE *out)
{
    fprintf(out, "# By `loadtap init`: what the processes of ");
    if (facts->cgroup)
        print_comment(facts->cgroup, out);
    else
        fprintf(out, "this machine");
    fprintf(out, " dialled in %u second%s%s.\n", facts->seconds, plural(facts->seconds),
            facts->saw_open ? ", and what they had open before" : "");
    if (!facts->saw_open)
        fprintf(out,
                "# This kernel does not show connections that were open before: peers that are "
                "seldom dialled may be missing.\n");
    if (facts->missed)
        fprintf(out, "# There were too many peers: %" PRIu64 " connections are in none of these.\n",
                facts->missed);
    if (groups->elsewhere)
        fprintf(out,
                "# Not here: %" PRIu64 " connection%s to loopback addresses of other network "
                "namespaces. Run loadtap in there for these.\n",
                groups->elsewhere, plural(groups->elsewhere));
    fprintf(out,
            "#\n"
            "# A cluster is made for each process and port. Rename, merge and divide them as your "
            "proxy's upstreams are, and take\n"
            "# out what is none; an address counts for one cluster. "
            "`loadtap --mode validate -c FILE` checks the file.\n");
}

static void print_cluster_comment(const struct peer_cluster *cluster, FILE *out)
{
    fprintf(out, "  # Port %u", cluster->port);
    if (*cluster->process) {
        fprintf(out, ", dialled by ");
        print_comment(cluster->process, out);
    }
    fprintf(out, ": %" PRIu64 " connection%s", cluster->connections, plural(cluster->connections));
    switch (cluster->speech) {
    case SPEECH_HTTP:
        fprintf(out, " with HTTP.\n");
        break;
    case SPEECH_TLS:
        fprintf(out, " with TLS, whose requests cannot be seen: connections are counted.\n");
        break;
    case SPEECH_SESSION:
        fprintf(out, ". No HTTP: each is counted as one session.\n");
        break;
    case SPEECH_UNKNOWN:
        if (cluster->open) {
            fprintf(out,
                    ", of which %" PRIu64
                    " %s open before: not known what they speak. loadtap finds "
                    "out where it is HTTP.\n",
                    cluster->open, cluster->open == 1 ? "was" : "were");
            break;
        }
        fprintf(out, ". Without HTTP, `metadata: {filter_metadata: {loadtap: {protocol: tcp}}}` "
                     "counts sessions.\n");
        break;
    }
}

static void print_address(const char *host, uint16_t port, FILE *out)
{
    fprintf(out, "        - endpoint: {address: {socket_address: {address: ");
    print_string(host, out);
    fprintf(out, ", port_value: %u}}}", port);
}

/* Up to the list of its endpoints. */
static void print_cluster_head(const char *name, const char *type, bool sessions, FILE *out)
{
    fprintf(out, "  - name: ");
    print_string(name, out);
    fprintf(out, "\n    type: %s\n", type);
    if (sessions)
        fprintf(out, "    metadata: {filter_metadata: {loadtap: {protocol: tcp}}}\n");
    fprintf(out, "    load_assignment:\n      cluster_name: ");
    print_string(name, out);
    fprintf(out, "\n      endpoints:\n      - lb_endpoints:\n");
}

static void print_cluster(const struct peer_cluster *cluster, FILE *out)
{
    char ip[ADDRESS_TEXT_MAX];

    print_cluster_comment(cluster, out);
    print_cluster_head(cluster->name, "STATIC", cluster->speech == SPEECH_SESSION, out);
    for (size_t i = 0; i < cluster->count; i++) {
        const struct peer_endpoint *endpoint = &cluster->endpoints[i];

        print_address(address_ip_text(&endpoint->address, ip), endpoint->address.port, out);
        fprintf(out, " # %" PRIu64, endpoint->connections);
        if (*endpoint->processes) {
            fprintf(out, ", ");
            print_comment(endpoint->processes, out);
        }
        fputc('\n', out);
    }
}

#define MANAGEMENT "management_server"

static void print_management(const struct bootstrap_facts *facts, FILE *out)
{
    struct address address;
    bool is_address = !address_parse(facts->management_host, 0, &address);

    fprintf(out, "  # The management server that is reported to.%s\n",
            facts->management_given ? ""
                                    : " `loadtap-collector` listens here unless told otherwise.");
    print_cluster_head(MANAGEMENT, is_address ? "STATIC" : "STRICT_DNS", false, out);
    print_address(facts->management_host, facts->management_port, out);
    fprintf(out, "\ncluster_manager:\n"
                 "  load_stats_config:\n"
                 "    api_type: GRPC\n"
                 "    grpc_services:\n"
                 "    - envoy_grpc: {cluster_name: " MANAGEMENT "}\n");
}

static void print_admin(FILE *out)
{
    fprintf(out, "# For a browser: http://127.0.0.1:9901/live; /metrics for Prometheus. If "
                 "something else listens "
                 "there, as an Envoy may,\n"
                 "# loadtap counts without it: say another port. `loadtap top` and `explain` ask a "
                 "Unix socket.\n"
                 "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}\n");
}

void bootstrap_text(const struct bootstrap_facts *facts, const struct peer_groups *groups,
                    FILE *out)
{
    print_head(facts, groups, out);
    fprintf(out, "node:\n  id: ");
    print_string(facts->node_id, out);
    fprintf(out, " # who reports; differs from node to node\n"
                 "  cluster: loadtap # what nodes of one kind have in common\n"
                 "static_resources:\n  clusters:\n");
    for (size_t i = 0; i < groups->count; i++)
        print_cluster(&groups->clusters[i], out);
    print_management(facts, out);
    print_admin(out);
    if (!facts->cgroup)
        return;
    fprintf(out, "bootstrap_extensions:\n"
                 "- name: loadtap\n"
                 "  typed_config:\n"
                 "    \"@type\": type.googleapis.com/loadtap.v1.Settings\n"
                 "    cgroup_path: ");
    print_string(facts->cgroup, out);
    fprintf(out, " # whose sockets are watched\n");
}

void peer_table(const struct peer_groups *groups, FILE *out)
{
    char address[ADDRESS_TEXT_MAX];

    fprintf(out, "%-32s %11s  %-5s %-20s %s\n", "peer", "connections", "seen", "cluster",
            "dialled by");
    for (size_t i = 0; i < groups->count; i++) {
        const struct peer_cluster *cluster = &groups->clusters[i];

        for (size_t j = 0; j < cluster->count; j++) {
            const struct peer_endpoint *endpoint = &cluster->endpoints[j];

            fprintf(out, "%-32s %11" PRIu64 "  %-5s %-20s ",
                    address_text(&endpoint->address, address), endpoint->connections,
                    speeches[cluster->speech], cluster->name);
            print_comment(*endpoint->processes ? endpoint->processes : "?", out);
            fputc('\n', out);
        }
    }
}
