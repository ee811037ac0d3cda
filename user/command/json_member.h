/* Members of what the daemon answers. What is not there, or something else, reads as nothing. [jansson] */
#pragma once

#include <stdbool.h>

#include <jansson.h>

/* Borrowed from the object; "". */
static inline const char *member_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static inline json_int_t member_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static inline bool member_is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}
