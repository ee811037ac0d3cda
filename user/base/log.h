/* One line per event on stderr: time, level, message. Levels are Envoy's (-l). A message that repeats
 * itself is bounded (log_repeats.h). For one thread. */
#pragma once

#include <stdbool.h>

#include "base/log_line.h"

enum log_level {
    LOG_LEVEL_TRACE,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_CRITICAL,
    LOG_LEVEL_OFF,
};

/* 0, or -EINVAL for an unknown name. */
int log_level_parse(const char *name, enum log_level *out);
void log_set_level(enum log_level level);                     /* at any time */
int log_format_parse(const char *name, enum log_format *out); /* "text", "json"; 0 or -EINVAL */
void log_set_format(enum log_format format);
bool log_enabled(enum log_level level);
/* At the end of the program: says what was left out and not said yet. */
void log_flush(void);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Without that bound: a line of a text that is of use only as a whole, and whose length no peer decides. */
void log_write_whole(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_trace(...) log_write(LOG_LEVEL_TRACE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
