#include "message/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_one_of(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, names[i]) == 0)
            return true;
    return false;
}

/* yes, Yes and YES are the word "yes"; yEs is not. */
static bool is_evenly_written(const char *text)
{
    bool lower = false, upper = false; /* among all letters but the first */

    for (const char *at = text + 1; *text && *at; at++) {
        lower |= islower((unsigned char)*at) != 0;
        upper |= isupper((unsigned char)*at) != 0;
    }
    return !(lower && upper) && !(upper && islower((unsigned char)text[0]));
}

static bool is_null(const char *text)
{
    static const char *const names[] = {"null", "~"};

    return text[0] == '\0' ||
           (is_one_of(text, names, ARRAY_SIZE(names)) && is_evenly_written(text));
}

/* Decimal, octal (0 first) or hexadecimal (0x first). */
static bool is_integer(const char *text, int64_t *out)
{
    char *end;

    if (text[0] == '\0' || isspace((unsigned char)text[0]))
        return false;
    errno = 0;
    *out = strtoll(text, &end, 0);
    return *end == '\0' && end != text && errno == 0;
}

int yaml_scalar_set(struct tree *tree, struct tree_node *node, const char *text, size_t size)
{
    static const char *const yes[] = {"y", "yes", "true", "on"};
    static const char *const no[] = {"n", "no", "false", "off"};
    char digits[24];
    int64_t integer;

    node->kind = TREE_TEXT;
    if (strlen(text) != size)
        return tree_set_text(tree, node, text, size);
    node->flag = is_one_of(text, yes, ARRAY_SIZE(yes));
    if (is_null(text)) {
        node->kind = TREE_NULL;
    } else if ((node->flag || is_one_of(text, no, ARRAY_SIZE(no))) && is_evenly_written(text)) {
        node->kind = TREE_BOOL;
    } else if (is_integer(text, &integer)) {
        /* Envoy keeps a larger one as text, because JSON numbers cannot hold it. */
        node->kind = integer == (int32_t)integer ? TREE_NUMBER : TREE_TEXT;
        size = (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)integer);
        text = digits;
    }
    return tree_set_text(tree, node, text, size);
}
