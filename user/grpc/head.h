/* The header blocks of a gRPC response (headers, trailers), as its client reads them: "gRPC over
 * HTTP2", Responses; names of codes from "Status codes and their use in gRPC". Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define GRPC_HEAD_TEXT 160
#define GRPC_HEAD_LIST_MAX 16384 /* bytes of one block, counted as RFC 9113, 6.5.2 does */

/* What one block says; all zero before its first field. */
struct grpc_head {
    int http_status; /* 0: none */
    bool has_grpc_status;
    int grpc_status; /* -1: not a number */
    char content_type[GRPC_HEAD_TEXT];
    char message[GRPC_HEAD_TEXT]; /* grpc-message, decoded and made printable, cut to fit */
    size_t size;
};

/* 0, or -EMSGSIZE for a block larger than GRPC_HEAD_LIST_MAX. Other fields are let pass. */
int grpc_head_add(struct grpc_head *head, const char *name, size_t name_length, const char *value,
                  size_t value_length);

/* A 100 to 199 response, after which the real one comes. */
bool grpc_head_is_informational(const struct grpc_head *head);
/* The headers of a response that opens a stream of messages: status 200, content-type
 * application/grpc with or without a suffix. */
bool grpc_head_opens_stream(const struct grpc_head *head);
/* Why the stream ended, from the block that ended it: "UNAVAILABLE (14): try later", "OK (0)",
 * "HTTP status 404", "content-type text/html", "no grpc-status". */
void grpc_head_describe_end(const struct grpc_head *head, char *out, size_t size);
/* "UNAVAILABLE"; NULL outside 0 to 16. */
const char *grpc_status_name(int status);
