#include "grpc/head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FIELD_OVERHEAD 32 /* RFC 9113, 6.5.2 */

static const char *const status_names[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

const char *grpc_status_name(int status)
{
    return status >= 0 && (size_t)status < ARRAY_SIZE(status_names) ? status_names[status] : NULL;
}

/* A number of up to three digits, else -1. */
static int number(const char *text, size_t length)
{
    int value = 0;

    if (length == 0 || length > 3)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Text for a log line: control characters, which could forge lines, become '?'. */
static void copy_printable(char out[GRPC_HEAD_TEXT], const char *text, size_t length, bool percent)
{
    size_t used = 0;

    for (size_t i = 0; i < length && used + 1 < GRPC_HEAD_TEXT; i++) {
        unsigned char c = (unsigned char)text[i];

        if (percent && c == '%' && i + 2 < length && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            c = (unsigned char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        }
        out[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    out[used] = '\0';
}

static bool is(const char *expected, const char *name, size_t length)
{
    return strlen(expected) == length && memcmp(expected, name, length) == 0;
}

int grpc_head_add(struct grpc_head *head, const char *name, size_t name_length, const char *value,
                  size_t value_length)
{
    head->size += name_length + value_length + FIELD_OVERHEAD;
    if (head->size > GRPC_HEAD_LIST_MAX)
        return -EMSGSIZE;
    if (is(":status", name, name_length)) {
        head->http_status = number(value, value_length);
    } else if (is("grpc-status", name, name_length)) {
        head->has_grpc_status = true;
        head->grpc_status = number(value, value_length);
    } else if (is("grpc-message", name, name_length)) {
        copy_printable(head->message, value, value_length, true);
    } else if (is("content-type", name, name_length)) {
        copy_printable(head->content_type, value, value_length, false);
    }
    return 0;
}

bool grpc_head_is_informational(const struct grpc_head *head)
{
    return head->http_status >= 100 && head->http_status < 200;
}

static bool is_grpc_content(const char *content_type)
{
    static const char grpc[] = "application/grpc";

    return strncmp(content_type, grpc, sizeof(grpc) - 1) == 0 &&
           strchr("+;", content_type[sizeof(grpc) - 1]) != NULL;
}

bool grpc_head_opens_stream(const struct grpc_head *head)
{
    return head->http_status == 200 && is_grpc_content(head->content_type);
}

void grpc_head_describe_end(const struct grpc_head *head, char *out, size_t size)
{
    const char *name = grpc_status_name(head->grpc_status);

    if (head->has_grpc_status)
        snprintf(out, size, "%s (%d)%s%s", name ? name : "unknown grpc-status", head->grpc_status,
                 *head->message ? ": " : "", head->message);
    else if (head->http_status != 0 && head->http_status != 200)
        snprintf(out, size, "HTTP status %d", head->http_status);
    else if (head->http_status == 200 && !is_grpc_content(head->content_type))
        snprintf(out, size, "content-type %s",
                 *head->content_type ? head->content_type : "missing");
    else
        snprintf(out, size, "no grpc-status");
}
