#include "kernel/libbpf_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/mem.h"

#define KEPT_MAX ((size_t)32 << 20) /* twice what libbpf takes from the verifier at most */

/* One for the process: libbpf's callback has no argument. */
static struct {
    char *text;
    size_t length;
    size_t lines; /* in the log */
    bool is_keeping, is_cut;
} kept;

/* Line by line, each with a number. */
static void tell(enum log_level level, char *text)
{
    char *line;

    while ((line = strsep(&text, "\n")))
        if (*line)
            log_write_whole(level, "libbpf %zu: %s", ++kept.lines, line);
}

static void keep(const char *text, size_t length)
{
    char *more;

    if (!kept.is_keeping || kept.is_cut)
        return;
    more = kept.length + length < KEPT_MAX ? realloc(kept.text, kept.length + length + 1) : NULL;
    kept.is_cut = !more;
    if (!more)
        return;
    memcpy(more + kept.length, text, length + 1);
    kept.text = more;
    kept.length += length;
}

static int libbpf_says(enum libbpf_print_level level, const char *format, va_list args)
{
    autofree char *text = NULL;
    int length;

    if (level == LIBBPF_DEBUG && !log_enabled(LOG_LEVEL_TRACE))
        return 0;
    length = vasprintf(&text, format, args);
    if (length < 0) {
        text = NULL;
        return 0;
    }
    if (level != LIBBPF_DEBUG)
        keep(text, (size_t)length);
    tell(level == LIBBPF_DEBUG ? LOG_LEVEL_TRACE : LOG_LEVEL_DEBUG, text);
    return 0;
}

void libbpf_log_begin(void)
{
    kept.is_keeping = true;
    libbpf_set_print(libbpf_says);
}

void libbpf_log_end(bool failed)
{
    if (failed && kept.text && !log_enabled(LOG_LEVEL_DEBUG))
        tell(LOG_LEVEL_ERROR, kept.text);
    if (failed && kept.is_cut)
        log_error("libbpf said more than is kept; -l debug shows it");
    free(TAKE(kept.text));
    kept.length = 0;
    kept.is_keeping = kept.is_cut = false;
}
