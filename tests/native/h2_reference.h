/* What nghttp2 sees in a recorded connection, as the model counts it. */
#pragma once

#include "h2_model.h"
#include "record.h"

/* What is counted when a part was said. */
struct reference_point {
    struct model_tally tally;
    int between; /* frames: in the midst of one, others may know earlier what it means */
};

struct reference {
    struct reference_point *after; /* each part */
    size_t room;
    size_t from;  /* the first part whose requests count */
    size_t sound; /* parts, from the first on, that nghttp2 read and found nothing wrong in */
    size_t streams;
    struct model_tally end; /* after the end; only if all parts are sound */
    char problem[100];      /* what it found wrong; empty: nothing */
    struct h2_model model;
};

void reference_read(struct reference *reference, const struct record *r);
/* The same, but requests of the parts before `from` are not counted. */
void reference_read_from(struct reference *reference, const struct record *r, size_t from);
void reference_free(struct reference *reference);
