/* Which page a request wants, by its path and by what is looked at of its query. Pure. */
#pragma once

#include "http/request.h"

enum page_kind {
    PAGE_OTHER,
    PAGE_METRICS,
    PAGE_STATS,
    PAGE_CLUSTERS,
    PAGE_CLUSTERS_JSON,
    PAGE_LRS,
    PAGE_LRS_JSON,
    PAGE_LRS_NEXT,
    PAGE_EXPLAIN, /* a page for each cluster, and each address */
    PAGE_KINDS,
};

enum page_kind page_kind(const struct http_request *request);
