/* Which messages of loadtap are one report: it splits those that servers might not take
 * (user/report/packing.h). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "envoy/service/load_stats/v3/lrs.pb-c.h"

/* Of one stream; all zero before its first message. */
struct parts {
    char *report_begins,
        *message_begins; /* by the cluster of that name, the newest ones; NULL: none */
    size_t length;       /* of the newest message */
    bool is_open;        /* its last cluster goes on in the next one */
};

/* Does the next message, of `length` bytes, go on with the report of the one before it? In a report
 * each cluster stands once, in the same order; its parts but the last have no load_report_interval. A wrong
 * answer is possible only for reports of half of PACKING_MAX (base/contract.h) and more, when the server
 * asks for other clusters; or out of memory. */
bool parts_go_on(struct parts *parts,
                 const Envoy__Service__LoadStats__V3__LoadStatsRequest *message, size_t length);
void parts_clear(struct parts *parts);
