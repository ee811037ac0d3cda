/* Whom a page is for. Pure. */
#pragma once

#include <stdbool.h>

#include "http/request.h"

enum page_audience {
    FOR_OWN,      /* whoever gets here, but no web page of somebody else */
    FOR_LOCAL,    /* likewise, and from the network only where that was allowed */
    FOR_SCRAPERS, /* as FOR_OWN, and by any name of ours for programs (http_scrape_is_foreign) */
    FOR_ALL,      /* it tells no more than that we are there */
};

enum page_refusal {
    REFUSED_NOT,
    REFUSED_NETWORK,
    REFUSED_FOREIGN,
};

enum page_refusal page_audience_refuses(enum page_audience audience,
                                        const struct http_request *request, bool open_to_all);
