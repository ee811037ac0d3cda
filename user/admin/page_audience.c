#include "admin/page_audience.h"

static bool is_foreign(enum page_audience audience, const struct http_request *request)
{
    switch (audience) {
    case FOR_ALL:
        return false;
    case FOR_SCRAPERS:
        return http_scrape_is_foreign(request);
    default:
        return http_request_is_foreign(request);
    }
}

enum page_refusal page_audience_refuses(enum page_audience audience,
                                        const struct http_request *request, bool open_to_all)
{
    if (audience == FOR_LOCAL && request->way == HTTP_WAY_NETWORK && !open_to_all)
        return REFUSED_NETWORK;
    return is_foreign(audience, request) ? REFUSED_FOREIGN : REFUSED_NOT;
}
