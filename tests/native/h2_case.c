#include "h2_case.h"

#include <stdio.h>
#include <string.h>

#include "feed.h"
#include "h2_pair.h"
#include "h2_play.h"
#include "h2_script.h"

#define SHORT 3000 /* bytes of a connection that may be given one by one */

struct trial {
    struct record record;
    struct reference reference, joined;
    struct choices *c;
    struct case_result *result;
};

void case_record(struct record *record, struct choices *c)
{
    uint32_t size = choose(c, 10000), tables = choose(c, 10);
    struct script_options options = {
        .size = size < 9780   ? SCRIPT_SMALL
                : size < 9980 ? SCRIPT_MEDIUM
                : size < 9999 ? SCRIPT_LARGE
                              : SCRIPT_HUGE,
        .tables = tables < 6   ? 0
                  : tables < 9 ? 1
                               : 2,
    };

    if (chance(c, 30))
        pair_write(record, c);
    else
        script_write(record, c, &options);
}

static int play_once(struct trial *t, const struct reference *reference, enum play_cuts cuts,
                     const struct play_gaps *gaps, struct tally *tally)
{
    char *problem = t->result->problem;
    int wrong = play(&t->record, reference, cuts, gaps, t->c, tally, problem);
    size_t length = strlen(problem);

    t->result->plays++;
    for (size_t i = 0; wrong && gaps && i < gaps->count; i++)
        length += (size_t)snprintf(problem + length, sizeof(t->result->problem) - length,
                                   "\n  gap in part %zu, at %zu, of %zu bytes", gaps->gap[i].part,
                                   gaps->gap[i].from, gaps->gap[i].length);
    return wrong;
}

/* However it is cut, the same is counted. */
static int play_cuts(struct trial *t, const struct reference *reference)
{
    int bytes = t->record.bytes.length < SHORT && chance(t->c, 25);
    struct tally whole, cut;

    if (play_once(t, reference, PLAY_WHOLE, NULL, &whole) ||
        play_once(t, reference, PLAY_RANDOM, NULL, &cut))
        return -1;
    if (!memcmp(&whole, &cut, sizeof(cut)) && bytes &&
        play_once(t, reference, PLAY_BYTES, NULL, &cut))
        return -1;
    if (!memcmp(&whole, &cut, sizeof(cut)))
        return 0;
    play_differs("cut", &whole, &cut, t->result->problem);
    return -1;
}

static void add_gap(struct trial *t, struct play_gaps *gaps)
{
    struct play_gap *gap = &gaps->gap[gaps->count];
    uint32_t length;

    gap->part = choose(t->c, (uint32_t)t->record.count);
    length = (uint32_t)t->record.parts[gap->part].length;
    for (size_t i = 0; i < gaps->count; i++)
        if (gaps->gap[i].part == gap->part)
            return;
    if (!length)
        return;
    gap->from = choose(t->c, length);
    gap->length = 1 + choose(t->c, length - (uint32_t)gap->from);
    gaps->count++;
}

static int play_gaps(struct trial *t)
{
    uint32_t count = chance(t->c, 70) ? 1 : PLAY_GAPS;
    struct play_gaps gaps = {.count = 0};
    struct tally tally;

    for (uint32_t i = 0; i < count; i++)
        add_gap(t, &gaps);
    return play_once(t, &t->reference, chance(t->c, 50) ? PLAY_WHOLE : PLAY_RANDOM, &gaps, &tally);
}

/* The connection was open before; some of its parts went by unseen. */
static int play_late(struct trial *t)
{
    size_t from = 1 + choose(t->c, (uint32_t)t->record.count);
    struct tally tally;

    if (t->record.http1[PART_SENT])
        return 0; /* HTTP/1 finds its place in other ways */
    reference_read_from(&t->joined, &t->record, play_found(&t->record, from));
    t->result->plays++;
    return play_joined(&t->record, &t->joined, from, chance(t->c, 50) ? PLAY_WHOLE : PLAY_RANDOM,
                       t->c, &tally, t->result->problem);
}

/* Breaks off within the last parts. */
static void cut_short(struct trial *t)
{
    struct part *last;

    if (t->record.http1[PART_SENT] && t->record.count < 6)
        return; /* what is cut in HTTP/1 is proven elsewhere */
    t->record.count -= choose(t->c, t->record.count < 4 ? (uint32_t)t->record.count : 4);
    last = &t->record.parts[t->record.count - 1];
    last->length -= choose(t->c, (uint32_t)last->length + 1);
}

/* Another byte somewhere; half of them in the last tenth, behind much that is sound. */
static void damage_byte(struct trial *t)
{
    struct bytes *b = &t->record.bytes;
    uint32_t tail = (uint32_t)b->length / 10;
    size_t at = chance(t->c, 50) && tail ? b->length - 1 - choose(t->c, tail)
                                         : choose(t->c, (uint32_t)b->length);

    b->data[at] = chance(t->c, 50) ? b->data[at] ^ (uint8_t)(1 << choose(t->c, 8))
                                   : (uint8_t)choose(t->c, 256);
}

/* Some bytes are not there, or overwrite what follows them. */
static void damage_order(struct trial *t)
{
    struct part *part = &t->record.parts[choose(t->c, (uint32_t)t->record.count)];
    uint8_t *bytes = t->record.bytes.data + part->from;
    uint32_t length = (uint32_t)part->length, from, n;

    if (length < 4)
        return;
    from = choose(t->c, length / 2);
    n = 1 + choose(t->c, chance(t->c, 50) ? 4 : length / 2);
    if (n > length - from)
        n = length - from;
    if (chance(t->c, 50)) {
        memmove(bytes + from, bytes + from + n, length - from - n);
        part->length -= n;
    } else {
        memmove(bytes + from + n / 2, bytes + from, length - from - n / 2);
    }
}

static void damage(struct trial *t)
{
    uint32_t count = 1 + choose(t->c, 4);

    for (uint32_t i = 0; i < count; i++)
        if (chance(t->c, 80))
            damage_byte(t);
        else
            damage_order(t);
}

int case_run(struct choices *c, struct case_result *result)
{
    static struct trial t;

    t.c = c;
    t.result = result;
    result->problem[0] = 0;
    case_record(&t.record, c);
    if (!t.record.bytes.length)
        return 0;
    if (chance(c, 10))
        cut_short(&t);
    reference_read(&t.reference, &t.record);
    result->streams += t.reference.streams;
    if (t.reference.problem[0]) {
        snprintf(result->problem, sizeof(result->problem), "nghttp2 objects in part %zu: %s",
                 t.reference.sound, t.reference.problem);
        return -1;
    }
    if (play_cuts(&t, &t.reference))
        return -1;
    if (chance(c, 25) && play_gaps(&t))
        return -1;
    if (chance(c, 25) && play_late(&t))
        return -1;
    if (!chance(c, 25))
        return 0;
    damage(&t);
    if (t.record.http1[PART_SENT])
        return play_cuts(&t, NULL); /* nghttp2 does not read what may have been damaged there */
    reference_read(&t.reference, &t.record);
    return play_cuts(&t, &t.reference);
}
