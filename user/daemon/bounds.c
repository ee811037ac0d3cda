#include "daemon/bounds.h"

#include "base/log.h"
#include "report/accuracy.h"

bool bounds_tell(const struct clusters *clusters, const struct host *host,
                 const struct counters *row)
{
    char address[ADDRESS_TEXT_MAX], text[BOUND_TEXT_MAX];

    if (!accuracy_bound_text(row, text))
        return false;
    log_write_whole(LOG_LEVEL_INFO, "error bound: cluster=%s endpoint=%s issued=%llu %s",
                    clusters->items[host->cluster].name, address_text(&host->address, address),
                    (unsigned long long)row->rq_issued, text);
    return true;
}
