/* One case of the HTTP/2 proof: a connection that is made up, and what is done to it. */
#pragma once

#include "choices.h"

struct case_result {
    unsigned long plays, streams;
    char problem[1000];
};

/* Makes up a connection; it may be empty. */
struct record;
void case_record(struct record *record, struct choices *c);

/* Not 0: the parsers disagree with nghttp2, or with themselves; `problem` says how. */
int case_run(struct choices *c, struct case_result *result);
