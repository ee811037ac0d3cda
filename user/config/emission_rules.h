/* By the rules of which Envoy a report has localities and endpoints: pure data. */
#pragma once

/* Each is named by the first release that it holds for, and holds up to the next; the oldest by its last
 * one. In the order of loadtap.v1.Settings.EmissionRules. */
enum emission_rules {
    EMISSION_ENVOY_1_39,
    EMISSION_ENVOY_1_37,
    EMISSION_ENVOY_1_36,
    EMISSION_ENVOY_1_34,
    EMISSION_UP_TO_ENVOY_1_33,
};
