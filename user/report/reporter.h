/* The reporter: decides when a stream is opened, when a report is sent, and what it covers. It
 * knows neither sockets nor clocks: the caller tells it what happened and what time it is
 * (monotonic microseconds, never going back), and does what the ops ask for.
 *
 * It logs. At info, in forms that tests rely on:
 *   stream up: stream=3
 *   stream down: stream=3 reports=9 confirmed=6
 *   sent again: stream=3 reports=7-9 cluster=local_service issued=12 success=12 error=0
 *       new_connections=1 failed_connections=0          (one line, one for each such cluster)
 * and at debug, with the sums over all clusters:
 *   report sent: stream=3 report=7 clusters=2 issued=4 success=4 error=0 new_connections=1
 *       failed_connections=0                            (one line)
 * At the end, at info or, where something was not confirmed, at warning ("no last report: …" where there
 * is no stream, never was a response, or nothing is asked for and all is confirmed):
 *   last report: stream=3 report=10, all is confirmed
 *   not reported: cluster=local_service issued=1 success=1 error=0 new_connections=0
 *       failed_connections=0                            (one line, one for each such cluster)
 * Streams are numbered from 1 as they come up; `report` is the number of the message on its stream,
 * from 1, also where it has no clusters; of a report in several messages, that of the last one. "sent
 * again" says what the unconfirmed reports of the ended stream covered: all of it is in the first report
 * of the next stream, so what arrived of those reports is received twice; delivery.h says how a receiver
 * counts it once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/clusters.h"
#include "config/emission_rules.h"
#include "report/delivery.h"
#include "report/packing.h"
#include "report/wishes.h"
#include "upstream/hosts.h"

#define REPORTER_WORKED_US 60000000ULL /* see reporter_stream_down */
#define REPORTER_LAST_US 2000000ULL    /* see reporter_finish */

struct Envoy__Config__Core__V3__Node;

struct reporter_options {                             /* all borrowed, for the reporter's life */
    const struct Envoy__Config__Core__V3__Node *node; /* complete, client_features included */
    const struct clusters *clusters;                  /* may change: reporter_clusters_changed() */
    const struct hosts *hosts;                        /* may grow meanwhile */
    bool omit_connections;                            /* leave LRS fields 9 to 11 out */
    bool error_bound;                                 /* report it, as load_metric_stats */
    enum emission_rules emission;
    size_t message_max; /* PACKING_MAX, but for tests */
    uint64_t random;    /* so that not all nodes come back at the same time */
    uint64_t run;       /* what delivery.h calls so; random too */
};

struct reporter_ops {
    /* Begin to open a stream, which says `delivery` of itself. Answered later by reporter_stream_up()
     * or reporter_stream_down(); the latter may also come from within the call. */
    void (*open_stream)(void *arg, const struct delivery *delivery);
    /* Queue the messages of a report. `mark`: when the peer has certainly got all of them,
     * call reporter_confirmed(). 0: they are taken, with their memory, and `*messages` is empty; -errno, e.g.
     * -EAGAIN while too much is unsent: they stay the caller's. Calls nothing of the reporter. */
    int (*send)(void *arg, struct grpc_messages *messages, bool mark);
    /* window_read */
    void (*read)(void *arg, uint32_t first, size_t count, struct counters *out);
};

struct reporter;

/* Copies `options` and `ops`, borrows what they point to. NULL: out of memory. */
struct reporter *reporter_new(const struct reporter_options *options,
                              const struct reporter_ops *ops, void *arg);
void reporter_free(struct reporter *reporter);

/* Events. One that does not fit the state (a confirmation after the end of its stream, an end told
 * twice) is ignored. */
void reporter_start(struct reporter *reporter, uint64_t now_us);
void reporter_stream_up(struct reporter *reporter, uint64_t now_us); /* messages can be sent */
/* A message of the server. 0; -EBADMSG: not a LoadStatsResponse, the caller ends the stream;
 * -ENOMEM: ignored, the old settings stay. */
int reporter_response(struct reporter *reporter, uint64_t now_us, const uint8_t *bytes,
                      size_t length);
void reporter_confirmed(struct reporter *reporter,
                        uint64_t now_us); /* the marked message arrived */
/* The stream ended, with whatever status, or could not be opened. The next one is opened after the
 * wait that backoff.h tells; which begins anew after a stream that worked: one with a response, or
 * that lasted for REPORTER_WORKED_US. */
void reporter_stream_down(struct reporter *reporter, uint64_t now_us);

/* The daemon is to end. On a live stream a last report is sent at once, with everything since the one
 * before, and what is not confirmed yet is waited for, for at most REPORTER_LAST_US; so it is where no
 * cluster is asked for any more, but something was sent. The log says what
 * is not known to have arrived in the end: what was counted since the last report too, and everything
 * where there is no stream. Called again, it waits no longer. */
void reporter_finish(struct reporter *reporter, uint64_t now_us);
bool reporter_finished(const struct reporter *reporter); /* nothing more will happen */

/* The clusters change, as cluster_changes.h says. Room for as many places before they do: 0, -ENOMEM. And
 * to be told behind it, before new ones have hosts: wishes.h says what becomes of them. */
int reporter_reserve(struct reporter *reporter, size_t clusters);
void reporter_clusters_changed(struct reporter *reporter);
/* A leaving cluster has no host any more; its place is about to be vacant. */
void reporter_forget(struct reporter *reporter, uint32_t cluster);

/* Takes the node, and how reports look, from `options` from now on. */
void reporter_change(struct reporter *reporter, const struct reporter_options *options);
/* What the stream goes to, or says of itself, is another one: the caller has closed it. The next one is
 * opened at once, and begins with what is not confirmed, as ever. */
void reporter_renew_stream(struct reporter *reporter, uint64_t now_us);

/* Has the host counted something that a report has to bring, and is not known to have arrived? */
bool reporter_owes(const struct reporter *reporter, uint32_t slot);

/* Does what is due. To be called at reporter_deadline() or later; earlier, nothing happens. */
void reporter_run(struct reporter *reporter, uint64_t now_us);
uint64_t reporter_deadline(const struct reporter *reporter); /* UINT64_MAX: nothing is due */

/* --- what a person may want to know ------------------------------------------------------------- */

/* Since the start; all of them grow. */
struct reporter_counts {
    uint64_t streams;        /* that came up */
    uint64_t streams_failed; /* that did not */
    uint64_t streams_ended;  /* of those that came up */
    uint64_t reports;        /* queued; in how many messages, and with how many bytes, is next */
    uint64_t messages, bytes;
    uint64_t reports_failed;   /* that could not be queued: a later one covers their time */
    uint64_t confirmations;    /* each of a report and all before it */
    uint64_t unconfirmed_ends; /* streams after which something is sent again */
    uint64_t responses;
    uint64_t responses_malformed;
};

struct reporter_status {
    const char *state; /* "idle", "connecting", "connected", "waiting", "last report", "finished" */
    struct reporter_counts counts;
    struct settings wishes;             /* of the last response */
    size_t clusters;                    /* that are asked for and known */
    uint64_t stream, report, confirmed; /* numbers: of the live or last stream, and on it */
    /* Times; 0: never, of `due_us` UINT64_MAX. */
    uint64_t up_us, down_us, response_us, report_us, confirmed_us;
    uint64_t due_us;    /* the next report, or the next attempt to open a stream */
    uint64_t unsent_us; /* since when there is what no report has; 0: no cluster is asked for */
};

void reporter_status(const struct reporter *reporter, struct reporter_status *out);
/* Is the cluster part of the next report? */
bool reporter_reports(const struct reporter *reporter, uint32_t cluster);
/* What would be sent if it were time: the same messages, made by the same code. Nothing is sent, and nothing
 * changes. 0 with `*out` (the caller's now); -ENOMEM, -EMSGSIZE. */
int reporter_look(struct reporter *reporter, uint64_t now_us, struct grpc_messages *out);
