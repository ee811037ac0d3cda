#include "command/top_keys.h"

#include <string.h>

#include "base/mem.h"

#define ESCAPE '\x1b'

/* What cursor keys send (ECMA-48; xterm), as one number each. */
enum key { KEY_NONE = 256, KEY_UP, KEY_DOWN, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END };

static const struct {
    const char *bytes;
    enum key key;
} sequences[] = {
    {"[A", KEY_UP},       {"[B", KEY_DOWN},       {"OA", KEY_UP},   {"OB", KEY_DOWN},
    {"[5~", KEY_PAGE_UP}, {"[6~", KEY_PAGE_DOWN}, {"[H", KEY_HOME}, {"[F", KEY_END},
    {"[1~", KEY_HOME},    {"[4~", KEY_END},
};

/* How many bytes a sequence behind an escape has: to its final letter. */
static size_t sequence_length(const char *bytes, size_t length)
{
    size_t at = 1;

    if (bytes[0] != '[' && bytes[0] != 'O')
        return 0; /* the escape key itself */
    while (at < length && bytes[at] < '@')
        at++;
    return at < length ? at + 1 : length;
}

/* The next key; `*used` of the bytes are its. */
static int next_key(const char *bytes, size_t length, size_t *used)
{
    size_t behind;

    *used = 1;
    if (bytes[0] != ESCAPE || length == 1)
        return (unsigned char)bytes[0];
    behind = sequence_length(bytes + 1, length - 1);
    if (!behind)
        return ESCAPE;
    *used += behind;
    for (size_t i = 0; i < ARRAY_SIZE(sequences); i++) {
        if (strlen(sequences[i].bytes) == behind &&
            memcmp(sequences[i].bytes, bytes + 1, behind) == 0)
            return (int)sequences[i].key;
    }
    return KEY_NONE;
}

/* --- the filter ---------------------------------------------------------------------------------- */

static void type(struct top_state *state, int key)
{
    size_t length = strlen(state->filter);

    if (key == '\r' || key == '\n') {
        state->typing = false;
    } else if (key == ESCAPE) {
        state->typing = false;
        state->filter[0] = '\0';
    } else if (key == '\b' || key == 0x7f) {
        if (length)
            state->filter[length - 1] = '\0';
    } else if (key >= ' ' && key < 0x7f && length + 1 < sizeof(state->filter)) {
        state->filter[length] = (char)key;
        state->filter[length + 1] = '\0';
    }
    state->first = 0;
}

/* --- everything else -------------------------------------------------------------------------------- */

static const struct {
    char key;
    enum top_column column;
} sort_keys[] = {
    {'c', TOP_CLUSTER},     {'a', TOP_ADDRESS}, {'l', TOP_LOCALITY},    {'r', TOP_RATE},
    {'e', TOP_ERROR_SHARE}, {'p', TOP_ACTIVE},  {'n', TOP_CONNECTIONS}, {'i', TOP_ISSUED},
};

/* The same key again turns the order round. */
static bool sort_by(struct top_state *state, int key)
{
    for (size_t i = 0; i < ARRAY_SIZE(sort_keys); i++) {
        if (sort_keys[i].key != key)
            continue;
        state->descending = state->sort == sort_keys[i].column
                                ? !state->descending
                                : top_column_descends(sort_keys[i].column);
        state->sort = sort_keys[i].column;
        state->first = 0;
        return true;
    }
    return false;
}

static bool scroll(struct top_state *state, int key, size_t page, size_t count)
{
    size_t last = count > page ? count - page : 0, first = state->first;

    if (key == KEY_UP || key == 'k')
        first -= first > 0;
    else if (key == KEY_DOWN || key == 'j')
        first++;
    else if (key == KEY_PAGE_UP)
        first -= first < page ? first : page;
    else if (key == KEY_PAGE_DOWN)
        first += page;
    else if (key == KEY_HOME || key == 'g')
        first = 0;
    else if (key == KEY_END || key == 'G')
        first = last;
    else
        return false;
    state->first = first < last ? first : last;
    return true;
}

static enum top_action press(struct top_state *state, int key, size_t page, size_t count)
{
    if (state->typing) {
        type(state, key);
        return TOP_REDRAW;
    }
    if (sort_by(state, key) || scroll(state, key, page, count))
        return TOP_REDRAW;
    switch (key) {
    case 'q':
        return TOP_QUIT;
    case '/':
        state->typing = true;
        return TOP_REDRAW;
    case ESCAPE:
        state->filter[0] = '\0';
        state->first = 0;
        return TOP_REDRAW;
    case ' ':
        state->paused = !state->paused;
        return TOP_REDRAW;
    default:
        return TOP_GO_ON;
    }
}

enum top_action top_keys(struct top_state *state, const char *keys, size_t length, size_t page,
                         size_t count)
{
    enum top_action action = TOP_GO_ON;

    while (length) {
        size_t used;
        int key = next_key(keys, length, &used);
        enum top_action next = press(state, key, page, count);

        if (next == TOP_QUIT)
            return TOP_QUIT;
        if (next == TOP_REDRAW)
            action = TOP_REDRAW;
        keys += used;
        length -= used;
    }
    return action;
}
