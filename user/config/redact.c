#include "config/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "envoy/config/core/v3/grpc_service.pb-c.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb-c.h"
#include "google/protobuf/any.pb-c.h"

#define CORE(name) &envoy__config__core__v3__##name##__descriptor
#define TLS(name) &envoy__extensions__transport_sockets__tls__v3__##name##__descriptor

static const struct {
    const ProtobufCMessageDescriptor *of;
    const char *field;
    enum redact_rule rule;
} rules[] = {
    {TLS(tls_certificate), "certificate_chain", REDACT_SHOWN},
    {TLS(tls_certificate), "private_key", REDACT_SECRET},
    {TLS(tls_certificate), "password", REDACT_SECRET},
    {TLS(certificate_validation_context), "trusted_ca", REDACT_SHOWN},
    {CORE(grpc_service__google_grpc__ssl_credentials), "root_certs", REDACT_SHOWN},
    {CORE(grpc_service__google_grpc__ssl_credentials), "private_key", REDACT_SECRET},
    {CORE(grpc_service__google_grpc__ssl_credentials), "cert_chain", REDACT_SHOWN},
    {CORE(grpc_service__google_grpc__call_credentials), "access_token", REDACT_SECRET},
    {CORE(grpc_service), "initial_metadata", REDACT_SECRET},
};

/* Shown where they stand in a secret: what names something. */
static const struct {
    const ProtobufCMessageDescriptor *of;
    const char *field;
} names[] = {
    {CORE(data_source), "filename"},
    {CORE(data_source), "environment_variable"},
    {CORE(header_value), "key"},
};

enum redact_rule redact_rule_of(const ProtobufCMessageDescriptor *of,
                                const ProtobufCFieldDescriptor *field)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (rules[i].of == of && !strcmp(rules[i].field, field->name))
            return rules[i].rule;
    return REDACT_NONE;
}

/* A message that holds what may be a secret. */
static bool is_holder(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE &&
           (field->descriptor == CORE(data_source) || field->descriptor == CORE(header_value));
}

bool redact_wants_rule(const ProtobufCFieldDescriptor *field)
{
    static const char *const words[] = {"token", "password", "secret", "private", "credential"};

    if (is_holder(field))
        return true;
    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_BYTES)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasestr(field->name, words[i]))
            return true;
    return false;
}

static bool is_name(const ProtobufCMessageDescriptor *of, const ProtobufCFieldDescriptor *field)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].of == of && !strcmp(names[i].field, field->name))
            return true;
    return false;
}

static bool is_secret(const ProtobufCMessageDescriptor *of, const ProtobufCFieldDescriptor *field)
{
    enum redact_rule rule = redact_rule_of(of, field);

    return rule == REDACT_SECRET || (rule == REDACT_NONE && is_holder(field));
}

/* --- values --------------------------------------------------------------------------------------- */

static int blot_text(char **text, const char *unset)
{
    char *blot;

    if (!*text || *text == unset || !**text)
        return 0;
    blot = strdup(REDACTED);
    if (!blot)
        return -ENOMEM;
    explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = blot;
    return 0;
}

static int blot_bytes(ProtobufCBinaryData *bytes)
{
    uint8_t *blot;

    if (!bytes->len)
        return 0;
    blot = (uint8_t *)strdup(REDACTED);
    if (!blot)
        return -ENOMEM;
    explicit_bzero(bytes->data, bytes->len);
    free(bytes->data);
    *bytes = (ProtobufCBinaryData){.len = strlen(REDACTED), .data = blot};
    return 0;
}

struct pass {
    const struct message_types *types;
    bool in_secret;
};

static int redact_message(ProtobufCMessage *message, const struct pass *pass);

static int redact_value(const ProtobufCFieldDescriptor *field, void *at, const struct pass *pass)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(ProtobufCMessage **)at ? redact_message(*(ProtobufCMessage **)at, pass) : 0;
    if (!pass->in_secret)
        return 0;
    return field->type == PROTOBUF_C_TYPE_STRING ? blot_text(at, field->default_value)
                                                 : blot_bytes(at);
}

/* --- messages ------------------------------------------------------------------------------------- */

static bool has_pointers(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING ||
           field->type == PROTOBUF_C_TYPE_BYTES;
}

static int redact_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        const struct pass *pass)
{
    char *at = (char *)message + field->offset;
    const char *quantifier = (const char *)message + field->quantifier_offset;
    size_t size =
        field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
    size_t count = 1;
    int failed = 0;

    if (!has_pointers(field) ||
        (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && *(const uint32_t *)quantifier != field->id))
        return 0;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        count = *(const size_t *)quantifier;
        at = *(char **)at;
    }
    for (size_t i = 0; i < count && !failed; i++)
        failed = redact_value(field, at + i * size, pass);
    return failed;
}

static const ProtobufCMessageDescriptor *type_of(const Google__Protobuf__Any *any,
                                                 const struct message_types *types)
{
    const char *slash = strrchr(any->type_url, '/');

    for (size_t i = 0; slash && i < types->count; i++)
        if (!strcmp(types->items[i]->name, slash + 1))
            return types->items[i];
    return NULL;
}

static int pack_again(Google__Protobuf__Any *any, const ProtobufCMessage *inner)
{
    size_t size = protobuf_c_message_get_packed_size(inner);
    uint8_t *data = malloc(size + 1);

    if (!data)
        return -ENOMEM;
    protobuf_c_message_pack(inner, data);
    explicit_bzero(any->value.data, any->value.len);
    free(any->value.data);
    any->value = (ProtobufCBinaryData){.len = size, .data = data};
    return 0;
}

static int redact_any(Google__Protobuf__Any *any, const struct pass *pass)
{
    const ProtobufCMessageDescriptor *type = type_of(any, pass->types);
    ProtobufCMessage *inner;
    int failed;

    if (!type || !any->value.len)
        return 0;
    inner = protobuf_c_message_unpack(type, NULL, any->value.len, any->value.data);
    if (!inner)
        return -ENOMEM;
    failed = redact_message(inner, pass);
    if (!failed)
        failed = pack_again(any, inner);
    protobuf_c_message_free_unpacked(inner, NULL);
    return failed;
}

/* As deep as the configuration, which its reader bounds. */
static int redact_message(ProtobufCMessage *message, const struct pass *pass)
{
    const ProtobufCMessageDescriptor *of = message->descriptor;
    int failed = 0;

    if (of == &google__protobuf__any__descriptor)
        return redact_any((Google__Protobuf__Any *)message, pass);
    for (unsigned i = 0; i < of->n_fields && !failed; i++) {
        const ProtobufCFieldDescriptor *field = &of->fields[i];
        const struct pass inner = {pass->types, is_secret(of, field) ||
                                                    (pass->in_secret && !is_name(of, field))};

        failed = redact_field(message, field, &inner);
    }
    return failed;
}

int redact(ProtobufCMessage *message, const struct message_types *types)
{
    return redact_message(message, &(struct pass){types, false});
}
