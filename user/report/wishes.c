#include "report/wishes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "report/naming.h"
#include "report/response.h"

#define NAME_SHOWN 128 /* bytes of a name in the log */
#define TOLD_EACH_US 1000000ULL

/* What the log says beside the settings themselves. */
struct news {
    uint64_t stream;
    size_t unmatched; /* names that match no cluster, such as: */
    size_t unknown_length;
    char unknown[NAME_SHOWN];
};

struct wishes {
    const struct clusters *clusters;
    struct naming *naming;
    struct settings settings;
    struct news news; /* of the last change */
    bool is_untold;   /* that is not in the log at info yet */
    uint64_t told_us; /* when settings were last told at info; 0: never */
    bool warned_interval;
};

static const struct response_limits limits = {.min_us = WISHES_INTERVAL_MIN_US,
                                              .max_us = WISHES_INTERVAL_MAX_US,
                                              .unset_us = WISHES_INTERVAL_UNSET_US};

struct wishes *wishes_new(const struct clusters *clusters)
{
    struct wishes *wishes = calloc(1, sizeof(*wishes));

    if (!wishes)
        return NULL;
    wishes->clusters = clusters;
    wishes->naming = naming_new(clusters);
    if (!wishes->naming) {
        free(wishes);
        return NULL;
    }
    return wishes;
}

void wishes_free(struct wishes *wishes)
{
    if (!wishes)
        return;
    naming_free(wishes->naming);
    free(wishes);
}

const struct settings *wishes_settings(const struct wishes *wishes)
{
    return &wishes->settings;
}

/* Envoy's start of a period: a cluster that stays in the set keeps its interval and counts, one
 * that is new to it starts now. Returns whether the set changed. */
static bool change_set(struct wishes *wishes, struct window *window, uint64_t now_us)
{
    bool changed = false;

    for (size_t i = 0; i < wishes->clusters->count; i++) {
        uint32_t cluster = (uint32_t)i;
        bool wanted = naming_wants(wishes->naming, cluster);

        if (wanted == window_has(window, cluster))
            continue;
        changed = true;
        if (wanted)
            window_adopt(window, cluster, now_us);
        else
            window_drop(window, cluster);
    }
    return changed;
}

static void log_interval(struct wishes *wishes, const struct response *response)
{
    if (!response->interval_clamped || wishes->warned_interval)
        return;
    wishes->warned_interval = true;
    log_warning("load_reporting_interval of %" PRId64 " s %" PRId32
                " ns is not usable: taking %" PRIu64 " ms (not said again)",
                response->asked_seconds, response->asked_nanos, response->interval_us / 1000);
}

static void note_news(struct wishes *wishes, uint64_t stream, size_t unmatched,
                      const struct response_name *unknown)
{
    struct news *news = &wishes->news;

    *news = (struct news){.stream = stream, .unmatched = unmatched};
    wishes->is_untold = true;
    if (!unmatched)
        return;
    news->unknown_length = unknown->length < NAME_SHOWN ? unknown->length : NAME_SHOWN;
    memcpy(news->unknown, unknown->text, news->unknown_length);
}

static void log_settings(const struct wishes *wishes, const struct window *window,
                         enum log_level level)
{
    const struct settings *settings = &wishes->settings;
    const struct news *news = &wishes->news;

    log_write(level,
              "load reporting: stream=%" PRIu64 " clusters=%zu interval_ms=%" PRIu64
              " send_all=%d endpoints=%d",
              news->stream, window_set_size(window), settings->interval_us / 1000,
              settings->send_all, settings->endpoints);
    if (news->unmatched)
        log_write(level, "load reporting: %zu names match no cluster here, such as '%.*s'",
                  news->unmatched, (int)news->unknown_length, news->unknown);
}

uint64_t wishes_tell_at(const struct wishes *wishes)
{
    if (!wishes->is_untold)
        return UINT64_MAX;
    return wishes->told_us ? wishes->told_us + TOLD_EACH_US : 0;
}

void wishes_tell(struct wishes *wishes, const struct window *window, uint64_t now_us)
{
    if (now_us < wishes_tell_at(wishes))
        return;
    log_settings(wishes, window, LOG_LEVEL_INFO);
    wishes->is_untold = false;
    wishes->told_us = now_us;
}

int wishes_take(struct wishes *wishes, struct window *window, uint64_t stream, uint64_t now_us,
                const uint8_t *bytes, size_t length)
{
    struct settings before = wishes->settings;
    struct response response;
    struct response_name unknown;
    size_t unmatched;
    bool changed;
    int error = response_parse(bytes, length, &limits, &response);

    if (error) {
        log_debug("stream=%" PRIu64 ": a message of %zu bytes is not a LoadStatsResponse", stream,
                  length);
        return error;
    }
    unmatched = naming_apply(wishes->naming, &response, &unknown);
    changed = change_set(wishes, window, now_us);
    if (!before.known)
        log_info("load reporting begins: what was counted before this first response is discarded, "
                 "as Envoy does");
    wishes->settings = (struct settings){.known = true,
                                         .interval_us = response.interval_us,
                                         .endpoints = response.endpoints,
                                         .send_all = response.send_all};
    changed |= !before.known || before.interval_us != response.interval_us ||
               before.endpoints != response.endpoints || before.send_all != response.send_all;
    log_interval(wishes, &response);
    if (!changed)
        return 0;
    note_news(wishes, stream, unmatched, &unknown);
    if (now_us < wishes_tell_at(wishes))
        log_settings(wishes, window, LOG_LEVEL_DEBUG);
    wishes_tell(wishes, window, now_us);
    return 0;
}
