#include "config/tls_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/cluster_extension.h"
#include "config/data_source_read.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb-c.h"

typedef Envoy__Config__Core__V3__TransportSocket TransportSocket;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CertificateValidationContext Validation;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext CommonContext;
typedef Envoy__Extensions__TransportSockets__Tls__V3__SubjectAltNameMatcher NameMatcher;
typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsCertificate Certificate;
typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters Parameters;
typedef Envoy__Extensions__TransportSockets__Tls__V3__UpstreamTlsContext UpstreamContext;
typedef Envoy__Type__Matcher__V3__StringMatcher StringMatcher;

#define TLS_TYPE(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__##name
#define VERSION(name) TLS_TYPE(TLS_PARAMETERS__TLS_PROTOCOL__TLSv1_##name)
#define PATTERN(name) ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_##name

#define INLINE_OR_FILE "a file name or inline content in "

/* --- names -------------------------------------------------------------------------- */

static int read_matcher(const struct check *check, const StringMatcher *from,
                        const struct tree_path *path, struct tls_name *out)
{
    const char *text = NULL;

    switch (from ? from->match_pattern_case : PATTERN(_NOT_SET)) {
    case PATTERN(EXACT):
        text = from->exact;
        break;
    case PATTERN(PREFIX):
        out->match = NAME_PREFIX;
        text = from->prefix;
        break;
    case PATTERN(SUFFIX):
        out->match = NAME_SUFFIX;
        text = from->suffix;
        break;
    case PATTERN(CONTAINS):
        out->match = NAME_CONTAINS;
        text = from->contains;
        break;
    default:
        break;
    }
    if (!text || !*text)
        return check_wrong(check, path, NULL,
                           "found no text to match, expected exact, prefix, suffix or contains (a "
                           "regular expression is not supported)");
    out->ignore_case = from->ignore_case;
    return check_text(check, text, &out->text);
}

static int read_typed_name(const struct check *check, const NameMatcher *from,
                           const struct tree_path *path, struct tls_name *out)
{
    const struct tree_path matcher = tree_path_field(path, "matcher");

    switch (from->san_type) {
    case TLS_TYPE(SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__EMAIL):
        out->kind = NAME_EMAIL;
        break;
    case TLS_TYPE(SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__DNS):
        out->kind = NAME_DNS;
        break;
    case TLS_TYPE(SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__URI):
        out->kind = NAME_URI;
        break;
    case TLS_TYPE(SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__IP_ADDRESS):
        out->kind = NAME_IP;
        break;
    default:
        return check_wrong(check, path, "san_type",
                           "found none or OTHER_NAME, expected DNS, IP_ADDRESS, URI or EMAIL");
    }
    return read_matcher(check, from->matcher, &matcher, out);
}

/* Any of the names will do, so their order does not matter. */
static int read_names(const struct check *check, const Validation *from,
                      const struct tree_path *path, struct tls_settings *out)
{
    const struct tree_path typed = tree_path_field(path, "match_typed_subject_alt_names");
    const struct tree_path older = tree_path_field(path, "match_subject_alt_names");
    int failed = 0;

    out->names = calloc(from->n_match_typed_subject_alt_names + from->n_match_subject_alt_names + 2,
                        sizeof(*out->names));
    if (!out->names)
        return config_error_memory(check->error);
    for (size_t i = 0; i < from->n_match_typed_subject_alt_names && !failed; i++) {
        const struct tree_path item = tree_path_index(&typed, i);

        failed = read_typed_name(check, from->match_typed_subject_alt_names[i], &item,
                                 &out->names[out->name_count++]);
    }
    for (size_t i = 0; i < from->n_match_subject_alt_names && !failed; i++) {
        const struct tree_path item = tree_path_index(&older, i);

        failed = read_matcher(check, from->match_subject_alt_names[i], &item,
                              &out->names[out->name_count++]);
    }
    return failed;
}

/* --- pins --------------------------------------------------------------------------- */

/* "DF:6F:…" or "df6f…": 32 bytes. */
static bool read_hash(const char *text, char *out)
{
    bool has_colons = strlen(text) == 95;
    size_t used = 0;

    for (size_t i = 0; text[i]; i++) {
        if (has_colons && i % 3 == 2 && text[i] == ':')
            continue;
        if (!isxdigit((unsigned char)text[i]) || used == 64)
            return false;
        out[used++] = (char)tolower((unsigned char)text[i]);
    }
    return used == 64;
}

/* 32 bytes are 43 characters of base64 and one that fills up. */
static bool read_key_hash(const char *text, char *out)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    if (strspn(text, characters) != 43 || strcmp(text + 43, "=") != 0)
        return false;
    memcpy(out, text, 45);
    return true;
}

static int read_pins(const struct check *check, const Validation *from,
                     const struct tree_path *path, struct tls_settings *out)
{
    out->pins = calloc(from->n_verify_certificate_hash + from->n_verify_certificate_spki + 1,
                       sizeof(*out->pins));
    if (!out->pins)
        return config_error_memory(check->error);
    for (size_t i = 0; i < from->n_verify_certificate_hash; i++)
        if (!read_hash(from->verify_certificate_hash[i], out->pins[out->pin_count++].text))
            return check_wrong(check, path, "verify_certificate_hash",
                               "found \"%.96s\", expected a SHA-256 in hexadecimal",
                               from->verify_certificate_hash[i]);
    for (size_t i = 0; i < from->n_verify_certificate_spki; i++) {
        struct tls_pin *pin = &out->pins[out->pin_count++];

        pin->is_of_key = true;
        if (!read_key_hash(from->verify_certificate_spki[i], pin->text))
            return check_wrong(check, path, "verify_certificate_spki",
                               "found \"%.96s\", expected a SHA-256 in base64",
                               from->verify_certificate_spki[i]);
    }
    return 0;
}

/* --- certificates ------------------------------------------------------------------- */

/* Each of these would make verification stricter or other than it is here. */
static int check_validation(const struct check *check, const struct tree_path *path)
{
    static const char *const fields[] = {
        "require_signed_certificate_timestamp",
        "crl",
        "custom_validator_config",
        "ca_certificate_provider_instance",
        "max_verify_depth",
        "only_verify_leaf_cert_crl",
        NULL,
    };

    return check_unsupported(check, path, fields,
                             "trusted_ca (which may hold CRLs) and match_typed_subject_alt_names");
}

static int read_validation(const struct check *check, const Validation *from,
                           const struct tree_path *path, struct tls_settings *out)
{
    const struct tree_path ca = tree_path_field(path, "trusted_ca");
    int failed = check_validation(check, path);

    if (!failed)
        failed = data_source_read(check, from->trusted_ca, &ca, &out->trusted_ca);
    if (!failed)
        failed = read_names(check, from, path, out);
    if (!failed)
        failed = read_pins(check, from, path, out);
    if (failed)
        return failed;
    out->system_roots = from->system_root_certs != NULL;
    out->allow_expired = from->allow_expired_certificate;
    if (from->trust_chain_verification)
        return check_wrong(check, path, "trust_chain_verification",
                           "found ACCEPT_UNTRUSTED, expected VERIFY_TRUST_CHAIN, or no trusted_ca: "
                           "then the certificate is not verified");
    if (from->trusted_ca && from->system_root_certs)
        return check_wrong(check, path, "system_root_certs",
                           "found beside trusted_ca, expected one of the two");
    if (out->name_count && !from->trusted_ca && !from->system_root_certs)
        return check_wrong(check, path, NULL,
                           "found names but no trusted_ca, expected one: without it a certificate "
                           "could be anybody's");
    return 0;
}

static int read_certificate(const struct check *check, const Certificate *from,
                            const struct tree_path *path, struct tls_settings *out)
{
    static const char *const fields[] = {"private_key_provider", "pkcs12", NULL};
    const struct tree_path chain = tree_path_field(path, "certificate_chain");
    const struct tree_path key = tree_path_field(path, "private_key");
    const struct tree_path password = tree_path_field(path, "password");
    int failed =
        check_unsupported(check, path, fields, INLINE_OR_FILE "certificate_chain and private_key");

    if (!failed && !(from->certificate_chain && from->private_key))
        return check_wrong(check, path, NULL,
                           "found no %s, expected certificate_chain and "
                           "private_key",
                           from->private_key ? "certificate_chain" : "private_key");
    if (!failed)
        failed = data_source_read(check, from->certificate_chain, &chain, &out->certificate);
    if (!failed)
        failed = data_source_read(check, from->private_key, &key, &out->private_key);
    return failed ? failed : data_source_read(check, from->password, &password, &out->password);
}

/* --- the rest ----------------------------------------------------------------------- */

static int read_parameters(struct check *check, const Parameters *from,
                           const struct tree_path *path, struct tls_settings *out)
{
    int min = (int)from->tls_minimum_protocol_version,
        max = (int)from->tls_maximum_protocol_version;

    if (max == VERSION(0) || max == VERSION(1))
        return check_wrong(check, path, "tls_maximum_protocol_version",
                           "found a version that is broken, expected TLSv1_2 or TLSv1_3");
    if (max && min > max)
        return check_wrong(check, path, "tls_minimum_protocol_version",
                           "found a version above tls_maximum_protocol_version");
    out->no_tls12 = min == VERSION(3);
    out->no_tls13 = max == VERSION(2);
    if (min == VERSION(0) || min == VERSION(1))
        return check_note(check, "management server: TLS versions below 1.2 are not used");
    return 0;
}

static int read_common(struct check *check, const CommonContext *from, const struct tree_path *path,
                       struct tls_settings *out)
{
    static const char *const secrets[] = {
        "tls_certificate_sds_secret_configs",
        "validation_context_sds_secret_config",
        "combined_validation_context",
        "tls_certificate_certificate_provider",
        "validation_context_certificate_provider",
        "tls_certificate_certificate_provider_instance",
        "validation_context_certificate_provider_instance",
        "tls_certificate_provider_instance",
        "custom_tls_certificate_selector",
        "custom_handshaker",
        NULL,
    };
    const struct tree_path parameters = tree_path_field(path, "tls_params");
    const struct tree_path certificates = tree_path_field(path, "tls_certificates");
    const struct tree_path certificate = tree_path_index(&certificates, 0);
    const struct tree_path validation = tree_path_field(path, "validation_context");
    int failed = check_unsupported(check, path, secrets,
                                   INLINE_OR_FILE "tls_certificates and validation_context");

    if (!failed && from->n_tls_certificates > 1)
        return check_wrong(check, &certificates, NULL, "found %zu certificates, expected one",
                           from->n_tls_certificates);
    if (!failed && from->tls_params)
        failed = read_parameters(check, from->tls_params, &parameters, out);
    if (!failed && from->n_tls_certificates)
        failed = read_certificate(check, from->tls_certificates[0], &certificate, out);
    if (!failed && from->validation_context)
        failed = read_validation(check, from->validation_context, &validation, out);
    return failed;
}

/* The name that is asked for is the one that the certificate must have. */
static int add_server_name(const struct check *check, const struct tree_path *path,
                           struct tls_settings *out)
{
    if (!out->server_name || !out->names)
        return check_wrong(check, path, "auto_sni_san_validation",
                           "found without sni and validation_context, expected both");
    out->names[out->name_count] = (struct tls_name){.kind = NAME_DNS, .match = NAME_EXACT};
    return check_text(check, out->server_name, &out->names[out->name_count++].text);
}

static int read_context(struct check *check, const UpstreamContext *from,
                        const struct tree_path *path, struct tls_settings *out)
{
    static const char *const automatic[] = {"auto_host_sni", NULL};
    const struct tree_path common = tree_path_field(path, "common_tls_context");
    int failed = check_unsupported(check, path, automatic, "the name itself in sni");

    if (!failed && strlen(from->sni) > 255)
        return check_wrong(check, path, "sni", "found %zu characters, expected at most 255",
                           strlen(from->sni));
    if (!failed && from->sni[0])
        failed = check_text(check, from->sni, &out->server_name);
    if (!failed && from->common_tls_context)
        failed = read_common(check, from->common_tls_context, &common, out);
    if (!failed && from->auto_sni_san_validation)
        failed = add_server_name(check, path, out);
    if (!failed && out->trusted_ca.kind == DATA_NONE && !out->system_roots && !out->pin_count)
        failed =
            check_note(check, "management server: its certificate is not verified, as there is "
                              "no validation_context with trusted_ca");
    return failed;
}

static bool is_type(const TransportSocket *socket, const char *type)
{
    const char *slash = socket->config_type_case ==
                                ENVOY__CONFIG__CORE__V3__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG
                            ? strrchr(socket->typed_config->type_url, '/')
                            : NULL;

    return slash && strcmp(slash + 1, type) == 0;
}

int tls_read(struct check *check, const Envoy__Config__Cluster__V3__Cluster *from,
             const struct tree_path *path, struct tls_settings **out)
{
    const ProtobufCMessageDescriptor *type =
        &envoy__extensions__transport_sockets__tls__v3__upstream_tls_context__descriptor;
    const TransportSocket *socket = from->transport_socket;
    const struct tree_path socket_path = tree_path_field(path, "transport_socket");
    const struct tree_path config = tree_path_field(&socket_path, "typed_config");

    if (!socket || is_type(socket, "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"))
        return 0;
    if (!is_type(socket, type->name))
        return check_wrong(check, &socket_path, NULL,
                           "found a transport socket that is not supported towards the management "
                           "server, expected a typed_config with an UpstreamTlsContext, or none");
    UpstreamContext *context = extension_unpack(socket->typed_config, type);
    *out = calloc(1, sizeof(**out));
    int failed = context && *out ? read_context(check, context, &config, *out)
                                 : config_error_memory(check->error);
    if (context)
        protobuf_c_message_free_unpacked(&context->base, NULL);
    return failed;
}
