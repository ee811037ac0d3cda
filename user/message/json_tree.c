#include "message/json_tree.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct reader {
    const char *text, *at, *end; /* `end` points to a NUL */
    const char *line_start;
    const char *counted; /* up to where `column` counts; NULL at first */
    unsigned column;
    unsigned line;
    struct tree *tree;
    struct config_error *error;
    unsigned depth;
};

static int read_value(struct reader *reader, const struct tree_node **out);

/* Goes on where it counted last: a file may be a single line. */
static unsigned column_of(struct reader *reader)
{
    if (reader->counted < reader->line_start || reader->counted > reader->at) {
        reader->counted = reader->line_start;
        reader->column = 1;
    }
    for (; reader->counted < reader->at; reader->counted++)
        reader->column += ((unsigned char)*reader->counted & 0xc0) != 0x80; /* not of bytes */
    return reader->column;
}

static int expected(struct reader *reader, const char *what)
{
    struct config_place place = {reader->tree->file, reader->line, column_of(reader), NULL};
    char found[32] = "the end of the text";

    if (reader->at < reader->end && (unsigned char)*reader->at > ' ' && *reader->at > 0)
        snprintf(found, sizeof(found), "'%c'", *reader->at);
    else if (reader->at < reader->end)
        snprintf(found, sizeof(found), "the byte 0x%02x", (unsigned char)*reader->at);
    return config_error_set(reader->error, &place, "no valid JSON: found %s, expected %s", found,
                            what);
}

static void skip_space(struct reader *reader)
{
    for (; reader->at < reader->end && strchr(" \t\r\n", *reader->at); reader->at++) {
        if (*reader->at != '\n')
            continue;
        reader->line++;
        reader->line_start = reader->at + 1;
    }
}

static struct tree_node *new_node(struct reader *reader, enum tree_kind kind)
{
    struct tree_node *node = tree_alloc(reader->tree, sizeof(*node));

    if (!node)
        return NULL;
    node->kind = kind;
    node->line = reader->line;
    node->column = column_of(reader);
    return node;
}

static int read_hex4(struct reader *reader, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        const char *digits = "0123456789abcdef";
        const char *digit = *reader->at ? strchr(digits, *reader->at | 0x20) : NULL;

        if (!digit || (*reader->at < '0'))
            return expected(reader, "four hexadecimal digits");
        *out = *out << 4 | (uint32_t)(digit - digits);
    }
    return 0;
}

static size_t write_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[length] | code);
    return length;
}

/* After "\u": one UTF-16 unit, or two that are a pair (RFC 8259 section 7). */
static int read_unicode(struct reader *reader, char *out, size_t *used)
{
    uint32_t code, low;
    int failed = read_hex4(reader, &code);

    if (failed)
        return failed;
    if (code >= 0xdc00 && code <= 0xdfff)
        return expected(reader, "the first half of a surrogate pair before its second");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (reader->at[0] != '\\' || reader->at[1] != 'u')
            return expected(reader, "the second half of a surrogate pair");
        reader->at += 2;
        failed = read_hex4(reader, &low);
        if (failed)
            return failed;
        if (low < 0xdc00 || low > 0xdfff)
            return expected(reader, "the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *used += write_utf8(code, out + *used);
    return 0;
}

static int read_escape(struct reader *reader, char *out, size_t *used)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name = *reader->at ? strchr(names, *reader->at) : NULL;

    if (*reader->at == 'u') {
        reader->at++;
        return read_unicode(reader, out, used);
    }
    if (!name)
        return expected(reader, "one of \" \\ / b f n r t u after \\");
    out[(*used)++] = values[name - names];
    reader->at++;
    return 0;
}

static int read_string(struct reader *reader, struct tree_node *node)
{
    const char *close = reader->at + 1;

    while (close < reader->end && *close != '"')
        close += *close == '\\' && close + 1 < reader->end ? 2 : 1;
    /* An escape is never shorter than what it stands for. */
    char *out = tree_alloc(reader->tree, (size_t)(close - reader->at) + 1);
    size_t used = 0;
    int failed = 0;

    if (!out)
        return config_error_memory(reader->error);
    for (reader->at++; !failed && *reader->at != '"';) {
        if ((unsigned char)*reader->at < ' ')
            return expected(reader, "\" at the end of a string");
        if (*reader->at != '\\') {
            out[used++] = *reader->at++;
            continue;
        }
        reader->at++;
        failed = read_escape(reader, out, &used);
    }
    reader->at += !failed;
    node->text = out;
    node->text_size = used;
    return failed;
}

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

static int read_number(struct reader *reader, struct tree_node *node)
{
    const char *start = reader->at;
    const char *digits = start + (*start == '-');

    reader->at = *digits == '0' ? digits + 1 : skip_digits(digits);
    if (reader->at == digits)
        return expected(reader, "a value");
    if (*reader->at == '.') {
        digits = ++reader->at;
        reader->at = skip_digits(digits);
        if (reader->at == digits)
            return expected(reader, "a digit");
    }
    if (*reader->at == 'e' || *reader->at == 'E') {
        reader->at++;
        digits = reader->at += *reader->at == '-' || *reader->at == '+';
        reader->at = skip_digits(digits);
        if (reader->at == digits)
            return expected(reader, "a digit");
    }
    if (tree_set_text(reader->tree, node, start, (size_t)(reader->at - start)))
        return config_error_memory(reader->error);
    return 0;
}

static int read_word(struct reader *reader, struct tree_node *node)
{
    static const struct {
        const char *name;
        enum tree_kind kind;
        bool flag;
    } words[] = {
        {"true", TREE_BOOL, true}, {"false", TREE_BOOL, false}, {"null", TREE_NULL, false}};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        size_t length = strlen(words[i].name);

        if (strncmp(reader->at, words[i].name, length) != 0)
            continue;
        reader->at += length;
        node->kind = words[i].kind;
        node->flag = words[i].flag;
        return tree_set_text(reader->tree, node, words[i].name, length)
                   ? config_error_memory(reader->error)
                   : 0;
    }
    node->kind = TREE_NUMBER;
    return read_number(reader, node);
}

static int read_key(struct reader *reader, const struct tree_node **out)
{
    skip_space(reader);
    if (*reader->at != '"')
        return expected(reader, "a key in double quotes");
    struct tree_node *key = new_node(reader, TREE_TEXT);
    if (!key)
        return config_error_memory(reader->error);
    int failed = read_string(reader, key);
    if (failed)
        return failed;
    if (strlen(key->text) != key->text_size)
        return expected(reader, "no NUL character in the key before");
    skip_space(reader);
    if (*reader->at != ':')
        return expected(reader, "':'");
    reader->at++;
    *out = key;
    return 0;
}

/* The members between `[` or `{`, where `at` stands, and its partner. */
static int read_members(struct reader *reader, struct tree_node *node, char close)
{
    const char *wanted = close == '}' ? "',' or '}'" : "',' or ']'";
    size_t room = 0;
    int failed = 0;

    reader->at++;
    skip_space(reader);
    bool ended = *reader->at == close;
    while (!ended) {
        struct tree_entry entry = {NULL, NULL};

        if (close == '}')
            failed = read_key(reader, &entry.key);
        if (!failed)
            failed = read_value(reader, &entry.value);
        if (failed)
            return failed;
        if (tree_append(reader->tree, node, &room, entry))
            return config_error_memory(reader->error);
        skip_space(reader);
        ended = *reader->at == close;
        if (!ended && *reader->at != ',')
            return expected(reader, wanted);
        reader->at += !ended;
    }
    reader->at++;
    return 0;
}

static int read_collection(struct reader *reader, struct tree_node *node)
{
    struct config_place place = {reader->tree->file, reader->line, column_of(reader), NULL};

    if (++reader->depth > TREE_DEPTH_MAX)
        return config_error_set(reader->error, &place, "found more than %d levels of nesting",
                                TREE_DEPTH_MAX);
    int failed = read_members(reader, node, node->kind == TREE_MAPPING ? '}' : ']');
    reader->depth--;
    return failed;
}

static int read_value(struct reader *reader, const struct tree_node **out)
{
    int failed;

    skip_space(reader);
    struct tree_node *node = new_node(reader, TREE_TEXT);
    if (!node)
        return config_error_memory(reader->error);
    if (*reader->at == '"') {
        failed = read_string(reader, node);
    } else if (*reader->at == '{' || *reader->at == '[') {
        node->kind = *reader->at == '{' ? TREE_MAPPING : TREE_SEQUENCE;
        failed = read_collection(reader, node);
    } else {
        failed = read_word(reader, node);
    }
    if (!failed)
        failed = tree_complete(reader->tree, node, reader->error);
    if (!failed)
        *out = node;
    return failed;
}

static int read_text(struct reader *reader)
{
    int failed = tree_check_encoding(reader->tree->file, reader->text,
                                     (size_t)(reader->end - reader->text), reader->error);

    if (!failed)
        failed = read_value(reader, &reader->tree->root);
    if (failed)
        return failed;
    skip_space(reader);
    return reader->at < reader->end ? expected(reader, "the end of the text") : 0;
}

int json_tree_read(const char *file, const char *text, size_t size, struct tree **out,
                   struct config_error *error)
{
    autofree char *copy = malloc(size + 1);
    struct tree *tree = tree_new(file);

    if (!copy || !tree) {
        tree_free(tree);
        return config_error_memory(error);
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    struct reader reader = {.text = copy,
                            .at = copy,
                            .end = copy + size,
                            .line_start = copy,
                            .line = 1,
                            .tree = tree,
                            .error = error};
    int failed = read_text(&reader);
    if (failed)
        tree_free(tree);
    else
        *out = tree;
    return failed;
}
