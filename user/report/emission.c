#include "report/emission.h"

bool emission_shows(enum emission_rules rules, const struct window_row *locality)
{
    const struct window_load *load = &locality->load;

    switch (rules) {
    case EMISSION_UP_TO_ENVOY_1_33:
        return load->success || load->error || locality->in_progress;
    case EMISSION_ENVOY_1_34:
    case EMISSION_ENVOY_1_36:
        return load->issued;
    case EMISSION_ENVOY_1_37:
        return load->issued || locality->in_progress;
    default:
        return window_row_has_requests(locality);
    }
}

bool emission_has_endpoints(enum emission_rules rules)
{
    return rules < EMISSION_ENVOY_1_34;
}
