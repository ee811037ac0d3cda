/* Which localities a report shows, by the release of Envoy. Pure.
 *
 *   up to 1.33     success, error or in progress is not zero     no endpoints
 *   1.34, 1.35     issued is not zero                            no endpoints
 *   1.36           issued is not zero                            endpoints
 *   1.37, 1.38     issued or in progress is not zero             endpoints
 *   since 1.39     any of the four is not zero                   endpoints
 *
 * (Envoy, load_stats_reporter_impl.cc of each.) Envoy forgets what it does not show; here it is held
 * back until its locality is shown, or there is no later report: the last one of a run shows it. And
 * whatever the rule, a locality is shown of which something is sent again: delivery.h promises that the
 * report covers all that was sent of it and is not confirmed. */
#pragma once

#include <stdbool.h>

#include "config/emission_rules.h"
#include "report/window.h"

bool emission_shows(enum emission_rules rules, const struct window_row *locality);
bool emission_has_endpoints(enum emission_rules rules);
