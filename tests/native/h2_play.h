/* Plays recorded HTTP/2 connections to the parsers, cut in any way, and compares what they count with
 * what nghttp2 sees. */
#pragma once

#include "choices.h"
#include "h2_reference.h"
#include "record.h"

struct tally;

enum play_cuts { PLAY_WHOLE, PLAY_BYTES, PLAY_RANDOM };

#define PLAY_PROBLEM_MAX 1000

/* A hole in a part, which nobody fills; at most one in each. */
struct play_gap {
    size_t part, from, length;
};
#define PLAY_GAPS 3

struct play_gaps {
    struct play_gap gap[PLAY_GAPS];
    size_t count;
};

/* Plays it all and ends it; returns what was counted in the end. With a reference, what is counted
 * must be equal after each sound part, and at the end. With gaps it may be off by as much as the
 * tally itself says. Not 0: `problem` says what is wrong. */
int play(const struct record *r, const struct reference *reference, enum play_cuts cuts,
         const struct play_gaps *gaps, struct choices *c, struct tally *end, char *problem);

/* The connection was open before: the parts before `from` were not seen. Returns the part from which on
 * its requests are read; `r->count`: none is. */
size_t play_found(const struct record *r, size_t from);

/* Plays it so. The reference counts requests from play_found() on, and so must be what is counted, but for
 * results of which the tally says that they could not be told. */
int play_joined(const struct record *r, const struct reference *reference, size_t from,
                enum play_cuts cuts, struct choices *c, struct tally *end, char *problem);

/* Says that the second tally should have been the first. */
void play_differs(const char *what, const struct tally *expected, const struct tally *counted,
                  char *problem);
