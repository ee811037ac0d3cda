#include "config/endpoint_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"

typedef Envoy__Config__Core__V3__Address Address;
typedef Envoy__Config__Core__V3__SocketAddress SocketAddress;
typedef Envoy__Config__Endpoint__V3__LbEndpoint LbEndpoint;
typedef Envoy__Config__Endpoint__V3__LocalityLbEndpoints LocalityLbEndpoints;

#define PRIORITY_MAX 128 /* Envoy's own bound */

/* Letters, digits, "-" (not first) and "_", 63 at most (RFC 1035, 2.3.1), as resolvers take them.
 * Returns its length; 0: none. */
static size_t label_length(const char *text)
{
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    return text[0] != '-' && length <= 63 ? length : 0;
}

/* Labels between dots, the last of which may end in one; 253 characters (RFC 1035, 3.1). */
static bool is_host_name(const char *text)
{
    const char *rest = text;
    size_t length = label_length(rest);

    while (length && rest[length] == '.' && rest[length + 1]) {
        rest += length + 1;
        length = label_length(rest);
    }
    return length && strlen(text) <= 253 && (!rest[length] || !strcmp(rest + length, "."));
}

/* Four numbers that are no address are a slip, not a name. */
static bool is_almost_ipv4(const char *text)
{
    return strspn(text, "0123456789.") == strlen(text);
}

static bool is_unspecified(const struct address *address)
{
    static const struct address any_ipv6 = {.port = 0};
    struct address ip = *address, any_ipv4;

    ip.port = 0;
    return address_equal(&ip, &any_ipv6) ||
           (address_parse("0.0.0.0", 0, &any_ipv4) == 0 && address_equal(&ip, &any_ipv4));
}

bool host_name_is_valid(const char *text)
{
    return is_host_name(text) && !is_almost_ipv4(text);
}

static int check_host(const struct check *check, const SocketAddress *from,
                      const struct tree_path *path, bool is_name_allowed, bool is_upstream)
{
    const char *text = from->address;
    struct address address;

    if (address_parse(text, 1, &address) == 0) {
        if (is_upstream && is_unspecified(&address))
            return check_wrong(check, path, "address",
                               "found the unspecified address %s, expected one to "
                               "connect to",
                               text);
        return 0;
    }
    if (!is_name_allowed)
        return check_wrong(check, path, "address", "found \"%.96s\", expected an IP address%s",
                           text, is_upstream ? ": a cluster of names has type STRICT_DNS" : "");
    if (!host_name_is_valid(text))
        return check_wrong(check, path, "address",
                           "found \"%.96s\", expected a host name or an IP address", text);
    return 0;
}

int socket_address_check(const struct check *check, const SocketAddress *from,
                         const struct tree_path *path, bool is_name_allowed, bool any_port)
{

    if (from->port_specifier_case !=
        ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE)
        return check_wrong(check, path, NULL, "found no port_value, expected a port number");
    if (from->port_value > 65535 || (from->port_value == 0 && !any_port))
        return check_wrong(check, path, "port_value", "found %u, expected a port from %d to 65535",
                           from->port_value, any_port ? 0 : 1);
    return check_host(check, from, path, is_name_allowed, !any_port);
}

/* `texts` is where the host's text goes to; it is moved behind it. */
static int read_socket_address(const struct check *check, const SocketAddress *from,
                               const struct tree_path *path, enum discovery discovery, char **texts,
                               struct endpoint *out)
{
    bool is_name_allowed = discovery != DISCOVERY_STATIC;
    int failed = socket_address_check(check, from, path, is_name_allowed, false);

    if (failed)
        return failed;
    out->port = (uint16_t)from->port_value;
    if (from->protocol == ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PROTOCOL__UDP)
        out->not_observed = "UDP";
    else if (from->resolver_name[0])
        out->not_observed = "resolver_name";
    else {
        out->host = *texts;
        *texts = stpcpy(*texts, from->address) + 1;
    }
    return 0;
}

static int read_address(const struct check *check, const Address *from,
                        const struct tree_path *parent, enum discovery discovery, char **texts,
                        struct endpoint *out)
{
    const struct tree_path address = tree_path_field(parent, "address");
    const struct tree_path path = tree_path_field(&address, "socket_address");

    switch (from ? from->address_case : ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS__NOT_SET) {
    case ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS:
        return read_socket_address(check, from->socket_address, &path, discovery, texts, out);
    case ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE:
        out->not_observed = "pipe";
        return 0;
    case ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_ENVOY_INTERNAL_ADDRESS:
        out->not_observed = "internal address";
        return 0;
    default:
        return check_wrong(check, parent, NULL,
                           "found no address, expected address with a socket_address");
    }
}

/* The text that names an endpoint in a note. */
static const char *name_endpoint(const LbEndpoint *from)
{
    const Address *address =
        from->host_identifier_case ==
                ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT
            ? from->endpoint->address
            : NULL;

    if (!address)
        return from->endpoint_name;
    if (address->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS)
        return address->socket_address->address;
    return address->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE
               ? address->pipe->path
               : address->envoy_internal_address->server_listener_name;
}

static int read_endpoint(struct check *check, const LbEndpoint *from,
                         const struct tree_path *parent, const struct cluster *cluster,
                         char **texts, struct endpoint *out)
{
    const struct tree_path path = tree_path_field(parent, "endpoint");
    int failed = 0;

    switch (from->host_identifier_case) {
    case ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT:
        failed =
            read_address(check, from->endpoint->address, &path, cluster->discovery, texts, out);
        if (!failed && from->endpoint->n_additional_addresses)
            failed = check_note(check, "cluster %s: additional_addresses of %s: not observed",
                                cluster->name, name_endpoint(from));
        break;
    case ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT_NAME:
        out->not_observed = "endpoint_name";
        break;
    default:
        return check_wrong(check, parent, NULL,
                           "found no endpoint, expected endpoint with an address");
    }
    if (!failed && out->not_observed)
        failed = check_note(check, "cluster %s: endpoint %s %s: not observed", cluster->name,
                            out->not_observed, name_endpoint(from));
    return failed;
}

static int read_locality(const struct check *check, const Envoy__Config__Core__V3__Locality *from,
                         struct locality *out)
{
    int failed = check_text(check, from ? from->region : "", &out->region);

    if (!failed)
        failed = check_text(check, from ? from->zone : "", &out->zone);
    if (!failed)
        failed = check_text(check, from ? from->sub_zone : "", &out->sub_zone);
    return failed;
}

static size_t text_size(const LbEndpoint *from)
{
    const Address *address =
        from->host_identifier_case ==
                ENVOY__CONFIG__ENDPOINT__V3__LB_ENDPOINT__HOST_IDENTIFIER_ENDPOINT
            ? from->endpoint->address
            : NULL;

    return address &&
                   address->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS
               ? strlen(address->socket_address->address) + 1
               : 0;
}

/* What the hosts of a group's endpoints need for their texts, at most. */
static size_t texts_size(const LocalityLbEndpoints *from)
{
    size_t size = 0;

    for (size_t i = 0; i < from->n_lb_endpoints; i++)
        size += text_size(from->lb_endpoints[i]);
    return size;
}

static int read_group(struct check *check, const LocalityLbEndpoints *from,
                      const struct tree_path *parent, const struct cluster *cluster,
                      struct locality_endpoints *out)
{
    const struct tree_path list = tree_path_field(parent, "lb_endpoints");
    int failed = read_locality(check, from->locality, &out->locality);
    char *texts;

    if (failed)
        return failed;
    if (from->priority > PRIORITY_MAX)
        return check_wrong(check, parent, "priority", "found %u, expected a priority from 0 to %d",
                           from->priority, PRIORITY_MAX);
    out->priority = from->priority;
    out->endpoints =
        calloc(1, (from->n_lb_endpoints + 1) * sizeof(*out->endpoints) + texts_size(from));
    if (!out->endpoints)
        return config_error_memory(check->error);
    out->endpoint_count = from->n_lb_endpoints;
    texts = (char *)&out->endpoints[from->n_lb_endpoints + 1];
    for (size_t i = 0; i < from->n_lb_endpoints && !failed; i++) {
        const struct tree_path path = tree_path_index(&list, i);

        failed =
            read_endpoint(check, from->lb_endpoints[i], &path, cluster, &texts, &out->endpoints[i]);
    }
    return failed;
}

int endpoints_read(struct check *check,
                   const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *from,
                   const struct tree_path *parent, struct cluster *cluster)
{
    const struct tree_path list = tree_path_field(parent, "endpoints");
    int failed = 0;

    if (from->cluster_name[0] == '\0')
        return check_wrong(check, parent, NULL,
                           "found no cluster_name, expected the cluster's name");
    cluster->groups = calloc(from->n_endpoints + 1, sizeof(*cluster->groups));
    if (!cluster->groups)
        return config_error_memory(check->error);
    cluster->group_count = from->n_endpoints;
    for (size_t i = 0; i < from->n_endpoints && !failed; i++) {
        const struct tree_path path = tree_path_index(&list, i);

        cluster->groups[i].rank = (uint32_t)i;
        failed = read_group(check, from->endpoints[i], &path, cluster, &cluster->groups[i]);
    }
    return failed;
}
