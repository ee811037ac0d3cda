#include "upstream/refresh.h"

static uint64_t at_least(uint64_t wait_ms)
{
    return wait_ms > REFRESH_MIN_MS ? wait_ms : REFRESH_MIN_MS;
}

uint64_t refresh_answered(struct refresh *refresh, const struct dns_refresh *settings,
                          uint32_t ttl_seconds, uint64_t random)
{
    uint64_t wait_ms = settings->rate_ms;

    refresh->bound_ms = 0;
    if (settings->respect_ttl && ttl_seconds)
        wait_ms = (uint64_t)ttl_seconds * 1000;
    if (settings->jitter_ms)
        wait_ms += random % settings->jitter_ms;
    return at_least(wait_ms);
}

uint64_t refresh_failed(struct refresh *refresh, const struct dns_refresh *settings,
                        uint64_t random)
{
    uint64_t bound_ms = refresh->bound_ms ? refresh->bound_ms : settings->failure_base_ms;

    if (!settings->failure_base_ms)
        return at_least(settings->rate_ms);
    refresh->bound_ms =
        bound_ms < settings->failure_max_ms / 2 ? 2 * bound_ms : settings->failure_max_ms;
    return at_least(random % bound_ms);
}
