#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

static const char *const names[] = {"trace", "debug",    "info", "warning",
                                    "error", "critical", "off"};

/* The process's verbosity; set once by main, before anything logs. */
static enum log_level threshold = LOG_LEVEL_INFO;

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

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_enabled(enum log_level level)
{
    return level >= threshold && level < LOG_LEVEL_OFF;
}

/* Texts may carry foreign words; none may forge a line or reach the terminal as a command: control
 * characters of ASCII, and those behind it, U+0080 to U+009F, in UTF-8. */
static void blank_control_characters(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        bool second = at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;

        if (*at < ' ' || *at == 0x7f)
            *at = ' ';
        else if (second)
            at[0] = at[1] = ' ';
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[4096], stamp[32];
    struct timespec now;
    struct tm utc;
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    blank_control_characters(text);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stderr, "%s.%03ldZ %s %s\n", stamp, now.tv_nsec / 1000000, names[level], text);
}
