/* A bound on how often one and the same message is written: LOG_REPEATS times from its first on for
 * LOG_REPEATS_MS; how often it came beyond that is told once the time is over. Who writes ever different
 * ones, a peer with its ports say, meets another: of those for which one that still counts would have to be
 * forgotten, LOG_REPEATS_OTHERS of a level are written in LOG_REPEATS_MS, and the rest is counted and told
 * too. So a level writes LOG_REPEATS * LOG_REPEATS_KEPT + LOG_REPEATS_OTHERS at most from the first of these
 * on. Levels below info have no such bound. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

#define LOG_REPEATS 5
#define LOG_REPEATS_MS 10000
#define LOG_REPEATS_KEPT 32 /* messages that are known; the oldest one is forgotten for a new one */
#define LOG_REPEATS_OTHERS 200
#define LOG_REPEATS_TEXT_MAX 256 /* of a message, as it is told; longer ones are cut */

struct log_repeat {
    uint64_t hash, began_ms; /* began 0: none */
    unsigned count, left_out;
    enum log_level level;
    bool are_others; /* no `text` */
    char text[LOG_REPEATS_TEXT_MAX];
};

struct log_repeats {
    struct log_repeat items[LOG_REPEATS_KEPT];
    struct log_repeat others[LOG_LEVEL_OFF]; /* of each level */
};

/* A message comes; `now_ms`: monotonic, never 0. Shall it be written? Those of log_repeats_over() first. */
bool log_repeats_pass(struct log_repeats *repeats, enum log_level level, const char *text,
                      uint64_t now_ms);
/* One message that was left out, or the others of a level, whose time is over, into `*out`; from then on it
 * is not known. False: there is none. UINT64_MAX for `now_ms`: everybody's time is over. */
bool log_repeats_over(struct log_repeats *repeats, uint64_t now_ms, struct log_repeat *out);
