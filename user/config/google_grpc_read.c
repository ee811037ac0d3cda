#include "config/google_grpc_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"
#include "config/data_source_read.h"
#include "config/endpoint_read.h"

typedef Envoy__Config__Core__V3__GrpcService__GoogleGrpc GoogleGrpc;
typedef Envoy__Config__Core__V3__GrpcService__GoogleGrpc__CallCredentials CallCredentials;
typedef Envoy__Config__Core__V3__GrpcService__GoogleGrpc__SslCredentials SslCredentials;

#define GOOGLE(name) ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__GOOGLE_GRPC__##name
#define PORT_DEFAULT 443 /* gRPC's, "https" */

/* --- target_uri --------------------------------------------------------------------- */

/* "dns:///host:port" -> "host:port". NULL: a scheme that is not known, a DNS server's address. */
static const char *skip_scheme(const char *uri)
{
    static const char *const schemes[] = {"dns:///", "dns:", "ipv4:", "ipv6:"};

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strncmp(uri, schemes[i], strlen(schemes[i])) == 0)
            uri += strlen(schemes[i]);
    return strchr(uri, '/') || strchr(uri, ',') ? NULL : uri;
}

/* The text of a port, or NULL for the default one. "::1" has none, nor has "[::1]". */
static const char *find_port(const char *text)
{
    const char *bracket = strrchr(text, ']'), *colon = strrchr(text, ':');

    if (!colon || (bracket && colon < bracket))
        return NULL;
    return bracket || strchr(text, ':') == colon ? colon + 1 : NULL;
}

static bool read_port(const char *text, uint16_t *out)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || port == 0 || port > 65535)
        return false;
    *out = (uint16_t)port;
    return true;
}

static bool read_host(const char *text, size_t length, char **out)
{
    struct address address;
    bool is_bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    char *host = is_bracketed ? strndup(text + 1, length - 2) : strndup(text, length);

    *out = host;
    return !host || address_parse(host, 1, &address) == 0 ||
           (!is_bracketed && host_name_is_valid(host));
}

static int read_target(const struct check *check, const GoogleGrpc *from,
                       const struct tree_path *path, struct bootstrap *out)
{
    const char *target = skip_scheme(from->target_uri);
    const char *port = target ? find_port(target) : NULL;
    size_t length = port ? (size_t)(port - target) - 1 : target ? strlen(target) : 0;

    out->lrs_port = PORT_DEFAULT;
    if (!target || (port && !read_port(port, &out->lrs_port)) ||
        !read_host(target, length, &out->lrs_host))
        return check_wrong(check, path, "target_uri",
                           "found \"%.96s\", expected HOST:PORT, dns:///HOST:PORT, ipv4:IP:PORT or "
                           "ipv6:[IP]:PORT",
                           from->target_uri);
    if (!out->lrs_host)
        return config_error_memory(check->error);
    return check_text(check, target, &out->lrs_authority);
}

/* --- credentials -------------------------------------------------------------------- */

/* As gRPC: the certificate has to be for the host that is called. */
static int expect_host(const struct check *check, const char *host, struct tls_settings *out)
{
    struct address address;
    bool is_ip = address_parse(host, 1, &address) == 0;

    out->names = calloc(1, sizeof(*out->names));
    if (!out->names)
        return config_error_memory(check->error);
    out->name_count = 1;
    out->names[0].kind = is_ip ? NAME_IP : NAME_DNS;
    int failed = check_text(check, host, &out->names[0].text);
    return failed || is_ip ? failed : check_text(check, host, &out->server_name);
}

static int read_ssl(const struct check *check, const SslCredentials *from,
                    const struct tree_path *path, struct bootstrap *out)
{
    const struct tree_path roots = tree_path_field(path, "root_certs");
    const struct tree_path key = tree_path_field(path, "private_key");
    const struct tree_path chain = tree_path_field(path, "cert_chain");
    struct tls_settings *tls = calloc(1, sizeof(*tls));

    if (!tls)
        return config_error_memory(check->error);
    out->lrs_tls = tls;
    if (!from->private_key != !from->cert_chain)
        return check_wrong(check, path, NULL,
                           "found one of cert_chain and private_key, expected "
                           "both or none");
    tls->system_roots = !from->root_certs;
    int failed = data_source_read(check, from->root_certs, &roots, &tls->trusted_ca);
    if (!failed)
        failed = data_source_read(check, from->private_key, &key, &tls->private_key);
    if (!failed)
        failed = data_source_read(check, from->cert_chain, &chain, &tls->certificate);
    return failed ? failed : expect_host(check, out->lrs_host, tls);
}

static int read_channel(struct check *check, const GoogleGrpc *from, const struct tree_path *path,
                        struct bootstrap *out)
{
    const struct tree_path channel = tree_path_field(path, "channel_credentials");
    const struct tree_path ssl = tree_path_field(&channel, "ssl_credentials");

    if (!from->channel_credentials)
        return 0;
    if (from->channel_credentials->credential_specifier_case !=
        GOOGLE(CHANNEL_CREDENTIALS__CREDENTIAL_SPECIFIER_SSL_CREDENTIALS))
        return check_wrong(check, &channel, NULL,
                           "found credentials that are not supported, expected ssl_credentials, or "
                           "no channel_credentials for plain TCP");
    return read_ssl(check, from->channel_credentials->ssl_credentials, &ssl, out);
}

/* RFC 6750, 2.1. */
static int add_token(const struct check *check, const char *token, const struct tree_path *path,
                     struct bootstrap *out)
{
    struct initial_metadata *next = &out->lrs_metadata[out->lrs_metadata_count];

    for (const char *at = token; *at; at++)
        if (*at <= ' ' || *at > '~')
            return check_wrong(
                check, path, "access_token",
                "found a blank or another character that no token has, expected printable "
                "ASCII without blanks and line ends");
    out->lrs_metadata_count++;
    int failed = check_text(check, "authorization", &next->key);
    if (failed)
        return failed;
    if (asprintf(&next->value, "Bearer %s", token) >= 0)
        return 0;
    next->value = NULL;
    return config_error_memory(check->error);
}

/* A token must not be shown to whoever listens, hence gRPC too sends it over TLS only. */
static int read_call(const struct check *check, const GoogleGrpc *from,
                     const struct tree_path *path, struct bootstrap *out)
{
    const struct tree_path list = tree_path_field(path, "call_credentials");
    const struct tree_path first = tree_path_index(&list, 0);

    if (from->n_call_credentials == 0)
        return 0;
    const CallCredentials *credentials = from->call_credentials[0];
    if (from->n_call_credentials > 1 ||
        credentials->credential_specifier_case !=
            GOOGLE(CALL_CREDENTIALS__CREDENTIAL_SPECIFIER_ACCESS_TOKEN) ||
        !credentials->access_token[0])
        return check_wrong(check, &first, NULL,
                           "found credentials that are not supported, expected one access_token");
    if (!out->lrs_tls)
        return check_wrong(check, &first, "access_token",
                           "found a token without TLS, expected ssl_credentials in "
                           "channel_credentials");
    return add_token(check, credentials->access_token, &first, out);
}

int google_grpc_read(struct check *check, const GoogleGrpc *from, const struct tree_path *path,
                     struct bootstrap *out)
{
    static const char *const fields[] = {"credentials_factory_name", "channel_credentials_plugin",
                                         "call_credentials_plugin", "channel_args", NULL};
    int failed = check_unsupported(check, path, fields,
                                   "ssl_credentials in channel_credentials and access_token in "
                                   "call_credentials alone");

    if (!failed && from->stat_prefix[0] == '\0')
        return check_wrong(check, path, NULL,
                           "found no stat_prefix, which Envoy needs, expected "
                           "one");
    if (!failed)
        failed = read_target(check, from, path, out);
    if (!failed)
        failed = read_channel(check, from, path, out);
    return failed ? failed : read_call(check, from, path, out);
}
