#include "report/wishes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "report/naming.h"
#include "report/unknown_names.h"

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
    struct unknown_names *unknown;
    struct settings settings;
    bool adopts;      /* send_all: clusters have come since the last period began */
    struct news news; /* of the last change */
    bool is_untold;   /* that is not in the log at info yet */
    uint64_t told_us; /* when settings were last told at info; 0: never */
    bool warned_interval;
};

const struct response_limits wishes_limits = {.min_us = WISHES_INTERVAL_MIN_US,
                                              .max_us = WISHES_INTERVAL_MAX_US,
                                              .unset_us = WISHES_INTERVAL_UNSET_US};

struct wishes *wishes_new(const struct clusters *clusters)
{
    struct wishes *wishes = calloc(1, sizeof(*wishes));

    if (!wishes)
        return NULL;
    wishes->clusters = clusters;
    wishes->naming = naming_new(clusters);
    wishes->unknown = unknown_names_new();
    if (wishes->naming && wishes->unknown)
        return wishes;
    wishes_free(wishes);
    return NULL;
}

void wishes_free(struct wishes *wishes)
{
    if (!wishes)
        return;
    naming_free(wishes->naming);
    unknown_names_free(wishes->unknown);
    free(wishes);
}

const struct settings *wishes_settings(const struct wishes *wishes)
{
    return &wishes->settings;
}

/* To Envoy a cluster that leaves the configuration is one that it does not know; here it stays in the
 * set, until all is told, if it is there. */
static bool is_unknown(const struct wishes *wishes, uint32_t cluster)
{
    return wishes->clusters->items[cluster].presence != PRESENCE_LIVE;
}

static void note_unknown(struct wishes *wishes, uint32_t cluster, uint64_t since_us)
{
    const char *name = wishes->clusters->items[cluster].name;

    unknown_names_note(wishes->unknown, name, strlen(name), since_us);
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
        if (wanted && is_unknown(wishes, cluster)) {
            if (!wishes->settings.send_all)
                note_unknown(wishes, cluster, now_us);
            continue;
        }
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

/* A response's names that no cluster has; the last one is an example. */
struct unmatched {
    struct wishes *wishes;
    uint64_t now_us;
    struct response_name example;
};

static void on_unmatched(void *arg, const struct response_name *name)
{
    struct unmatched *unmatched = arg;

    unmatched->example = *name;
    unknown_names_note(unmatched->wishes->unknown, name->text, name->length, unmatched->now_us);
}

static void note_news(struct wishes *wishes, uint64_t stream, size_t unmatched,
                      const struct response_name *example)
{
    struct news *news = &wishes->news;

    *news = (struct news){.stream = stream, .unmatched = unmatched};
    wishes->is_untold = true;
    if (!unmatched)
        return;
    news->unknown_length = example->length < NAME_SHOWN ? example->length : NAME_SHOWN;
    memcpy(news->unknown, example->text, news->unknown_length);
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
    struct unmatched unmatched = {.wishes = wishes, .now_us = now_us};
    size_t unmatched_count;
    bool changed;
    int error = response_parse(bytes, length, &wishes_limits, &response);

    if (error) {
        log_debug("stream=%" PRIu64 ": a message of %zu bytes is not a LoadStatsResponse", stream,
                  length);
        return error;
    }
    wishes->settings = (struct settings){.known = true,
                                         .interval_us = response.interval_us,
                                         .endpoints = response.endpoints,
                                         .send_all = response.send_all};
    unknown_names_begin(wishes->unknown);
    unmatched_count = naming_apply(wishes->naming, &response, on_unmatched, &unmatched);
    changed = change_set(wishes, window, now_us);
    unknown_names_end(wishes->unknown);
    wishes->adopts = false;
    if (!before.known)
        log_info("load reporting begins: what was counted before this first response is discarded, "
                 "as Envoy does");
    changed |= !before.known || before.interval_us != response.interval_us ||
               before.endpoints != response.endpoints || before.send_all != response.send_all;
    log_interval(wishes, &response);
    if (!changed)
        return 0;
    note_news(wishes, stream, unmatched_count, &unmatched.example);
    if (now_us < wishes_tell_at(wishes))
        log_settings(wishes, window, LOG_LEVEL_DEBUG);
    wishes_tell(wishes, window, now_us);
    return 0;
}

int wishes_reserve(struct wishes *wishes, size_t clusters)
{
    return naming_reserve(wishes->naming, clusters);
}

void wishes_clusters_changed(struct wishes *wishes, struct window *window)
{
    naming_refresh(wishes->naming);
    for (uint32_t i = 0; i < wishes->clusters->count; i++) {
        uint64_t since_us;

        if (is_unknown(wishes, i) || window_has(window, i))
            continue;
        if (wishes->settings.send_all)
            wishes->adopts = true;
        else if (unknown_names_take(wishes->unknown, wishes->clusters->items[i].name, &since_us))
            window_adopt(window, i, since_us);
    }
}

void wishes_start_period(struct wishes *wishes, struct window *window, uint64_t now_us)
{
    if (!wishes->adopts)
        return;
    wishes->adopts = false;
    for (uint32_t i = 0; i < wishes->clusters->count; i++)
        if (!is_unknown(wishes, i))
            window_adopt(window, i, now_us);
}

void wishes_forget(struct wishes *wishes, struct window *window, uint32_t cluster)
{
    if (window_has(window, cluster) && !wishes->settings.send_all)
        note_unknown(wishes, cluster, window_start(window, cluster));
    naming_forget(wishes->naming, cluster);
    window_forget(window, cluster);
}
