/* Header fields as two numbers: a name, and one of the values that this name can have. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum h2_name {
    NAME_AUTHORITY,
    NAME_METHOD,
    NAME_PATH,
    NAME_SCHEME,
    NAME_STATUS,
    NAME_CONTENT_TYPE,
    NAME_USER_AGENT,
    NAME_GRPC_STATUS,
    NAME_GRPC_MESSAGE,
    NAME_TE,
    NAME_COOKIE,
    NAME_SET_COOKIE,
    NAME_DATE,
    NAME_SERVER,
    NAME_EMPTY, /* "x" and a value without bytes: the smallest entry but one */
    NAME_NOISE, /* and those above: each has a name of its own */
};

/* The longest path that a health check can have: 127 characters. Another value is one longer. */
#define FIELD_LETTERS "abcdefghijklmnopqrstuvwxyzabcdef"
#define FIELD_LONG_PATH                                                                            \
    "/" FIELD_LETTERS FIELD_LETTERS FIELD_LETTERS "abcdefghijklmnopqrstuvwxyzabcd"

#define FIELD_TEXT_MAX 70000

struct h2_field {
    uint32_t name, value;
};

/* Their texts; the length is returned. `text` holds FIELD_TEXT_MAX bytes. */
size_t field_name(uint32_t name, char *text);
size_t field_value(struct h2_field f, char *text);

/* How many values the name has; those of NAME_STATUS are the statuses themselves. */
uint32_t field_values(uint32_t name);

/* The length of a value of a noise field, or of a cookie, is its value modulo this. */
#define FIELD_NOISE_SPAN 4096
