#include "base/log_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The bytes of the character that begins at `at`; 0: it is no UTF-8 (RFC 3629). */
static size_t character(const uint8_t *at)
{
    static const struct {
        uint8_t first, last;     /* of the first byte */
        uint8_t lowest, highest; /* of the second one */
        uint8_t more;            /* behind that */
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 0}, {0xe0, 0xe0, 0xa0, 0xbf, 1},
                {0xe1, 0xec, 0x80, 0xbf, 1}, {0xed, 0xed, 0x80, 0x9f, 1},
                {0xee, 0xef, 0x80, 0xbf, 1}, {0xf0, 0xf0, 0x90, 0xbf, 2},
                {0xf1, 0xf3, 0x80, 0xbf, 2}, {0xf4, 0xf4, 0x80, 0x8f, 2}};

    if (at[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (at[0] < rows[i].first || at[0] > rows[i].last)
            continue;
        if (at[1] < rows[i].lowest || at[1] > rows[i].highest)
            return 0;
        for (size_t k = 0; k < rows[i].more; k++)
            if ((at[2 + k] & 0xc0) != 0x80)
                return 0;
        return 2 + (size_t)rows[i].more;
    }
    return 0;
}

/* Of ASCII, and those behind it, U+0080 to U+009F. */
static bool is_control(const uint8_t *at)
{
    return at[0] < ' ' || at[0] == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f);
}

/* Behind the backslash, where both languages have a short name for it; else 0. */
static char short_name(uint8_t byte)
{
    return byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : 0;
}

static char *append_text(char *out, const char *message)
{
    for (const uint8_t *at = (const uint8_t *)message; *at; at++) {
        if (!is_control(at)) {
            *out++ = (char)*at;
        } else if (short_name(*at)) {
            out += sprintf(out, "\\%c", short_name(*at));
        } else {
            out += sprintf(out, "\\x%02x", *at);
            if (*at == 0xc2)
                out += sprintf(out, "\\x%02x", *++at);
        }
    }
    return out;
}

/* RFC 8259, section 7. */
static char *append_json(char *out, const char *message)
{
    const uint8_t *at = (const uint8_t *)message;

    while (*at) {
        size_t count = character(at);

        if (count == 0) {
            out += sprintf(out, "\xef\xbf\xbd"); /* U+FFFD */
            at++;
            continue;
        }
        if (*at == '"' || *at == '\\') {
            out += sprintf(out, "\\%c", *at);
        } else if (short_name(*at)) {
            out += sprintf(out, "\\%c", short_name(*at));
        } else if (is_control(at)) {
            out += sprintf(out, "\\u00%02x", at[count - 1]);
        } else {
            memcpy(out, at, count);
            out += count;
        }
        at += count;
    }
    return out;
}

void log_line_make(enum log_format format, const struct timespec *now, const char *level,
                   const char *message, char *line)
{
    char *out = line, stamp[32];
    int milliseconds = (int)(now->tv_nsec / 1000000);
    struct tm utc;

    gmtime_r(&now->tv_sec, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    if (format == LOG_FORMAT_JSON) {
        out += sprintf(out, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"message\":\"", stamp,
                       milliseconds, level);
        out = append_json(out, message);
        strcpy(out, "\"}\n");
    } else {
        out += sprintf(out, "%s.%03dZ %s ", stamp, milliseconds, level);
        out = append_text(out, message);
        strcpy(out, "\n");
    }
}
