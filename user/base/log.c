#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/log_repeats.h"
#include "base/mem.h"

static const char *const names[] = {"trace", "debug",    "info", "warning",
                                    "error", "critical", "off"};

/* The process's, set by main before anything logs; the level may change later. */
static enum log_level threshold = LOG_LEVEL_INFO;
static enum log_format format_of_lines = LOG_FORMAT_TEXT;
static struct log_repeats repeats;

int log_level_parse(const char *name, enum log_level *out)
{
    if (!strcasecmp(name, "warn")) {
        *out = LOG_LEVEL_WARNING;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcasecmp(name, names[i]))
            continue;
        *out = (enum log_level)i;
        return 0;
    }
    return -EINVAL;
}

int log_format_parse(const char *name, enum log_format *out)
{
    bool is_json = !strcmp(name, "json");

    if (!is_json && strcmp(name, "text") != 0)
        return -EINVAL;
    *out = is_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return 0;
}

void log_set_format(enum log_format format)
{
    format_of_lines = format;
}

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_enabled(enum log_level level)
{
    return level >= threshold && level < LOG_LEVEL_OFF;
}

static void write_line(enum log_level level, const char *message)
{
    char line[LOG_LINE_MAX];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    log_line_make(format_of_lines, &now, names[level], message, line);
    fputs(line, stderr);
}

static void tell_left_out(uint64_t now_ms)
{
    char message[LOG_MESSAGE_MAX];
    struct log_repeat item;

    while (log_repeats_over(&repeats, now_ms, &item)) {
        if (item.are_others)
            snprintf(message, sizeof(message),
                     "left out, as %d others were written: %u other messages", LOG_REPEATS_OTHERS,
                     item.left_out);
        else
            snprintf(message, sizeof(message), "left out, as it was written %d times: %u times: %s",
                     LOG_REPEATS, item.left_out, item.text);
        write_line(item.level, message);
    }
}

void log_flush(void)
{
    tell_left_out(UINT64_MAX);
}

static void write_message(enum log_level level, bool is_bounded, const char *format, va_list args)
{
    char message[LOG_MESSAGE_MAX];
    struct timespec now;
    uint64_t now_ms;

    if (!log_enabled(level))
        return;
    vsnprintf(message, sizeof(message), format, args);
    clock_gettime(CLOCK_MONOTONIC, &now);
    now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
    tell_left_out(now_ms);
    if (!is_bounded || log_repeats_pass(&repeats, level, message, now_ms))
        write_line(level, message);
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message(level, true, format, args);
    va_end(args);
}

void log_write_whole(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message(level, false, format, args);
    va_end(args);
}
