/* How one event is written. Pure.
 *
 *   text  2026-11-29T12:00:00.123Z warning what happened
 *   JSON  {"time":"2026-11-29T12:00:00.123Z","level":"warning","message":"what happened"}
 *
 * Always one line. Messages carry foreign words, which must not forge another one, nor reach a terminal as a
 * command: control characters are escaped as in C ("\n", "\x1b"), in JSON as JSON has it. In JSON, what
 * is no UTF-8 becomes U+FFFD. */
#pragma once

#include <time.h>

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

#define LOG_MESSAGE_MAX 4096                     /* NUL included; a longer one is cut */
#define LOG_LINE_MAX (6 * LOG_MESSAGE_MAX + 128) /* each byte of a message becomes six at most */

/* Fills the LOG_LINE_MAX bytes at `line`, newline and NUL included. `now`: wall clock; `level`: its name;
 * `message` of less than LOG_MESSAGE_MAX bytes. */
void log_line_make(enum log_format format, const struct timespec *now, const char *level,
                   const char *message, char *line);
