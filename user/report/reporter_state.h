/* The reporter's state: for reporter.c, which changes it, and reporter_status.c, which tells it. */
#pragma once

#include "report/backoff.h"
#include "report/reporter.h"
#include "report/window.h"
#include "report/wishes.h"

/*
 *            start                     stream_up
 *   IDLE ------------> OPENING --------------------------> UP
 *                       ^   |                              |  ^
 *    backoff, open_stream   | stream_down      stream_down |  | response, confirmed, due: report
 *                       |   v                              |  +--
 *                      WAITING <---------------------------+
 *
 * `due` is, while WAITING, the next attempt; while UP, the next report (NEVER before the first
 * response, unless the node message could not be queued yet).
 *
 *   UP --finish, there is something to tell or to confirm--> LAST
 *   LAST --all confirmed, stream_down, REPORTER_LAST_US passed, finish--> FINISHED
 *   UP, there is nothing; any other --finish--> FINISHED
 *
 * What outlives a stream: the settings of the last response, and the window, which holds the set of
 * clusters with their interval starts and counts. */
enum state {
    STATE_IDLE,
    STATE_OPENING,
    STATE_UP,
    STATE_WAITING,
    STATE_LAST,
    STATE_FINISHED,
};

struct reporter {
    struct reporter_options options;
    struct reporter_ops ops;
    void *arg;

    enum state state;
    uint64_t due;
    struct wishes *wishes;
    struct window *window;

    uint64_t give_up;   /* LAST: when no confirmation is waited for any more */
    bool has_sent_last; /* LAST: the report that finish() asks for is queued */

    struct backoff backoff;
    uint64_t up_us; /* when the live or last stream came up */
    bool worked;    /* it had a response */

    uint64_t stream;          /* number of the live or last stream */
    uint64_t report;          /* number of the last message queued on it */
    uint64_t marked;          /* the message whose confirmation is awaited */
    uint64_t confirmed;       /* all up to this one arrived */
    struct delivery delivery; /* of the live or last stream; of the next, what it sends again */

    bool warned_send; /* on this stream */
    bool warned_open; /* since the last stream */

    size_t expected; /* bytes of the next report, by the last one */

    struct reporter_counts counts;
    uint64_t down_us, response_us, report_us, confirmed_us; /* as in reporter_status */
};
