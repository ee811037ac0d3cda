/* Loads the configuration anew, when it is asked for or the file is another one. What is wrong with it
 * changes nothing. It logs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/bootstrap.h"

struct event_base;
struct reload;

#define RELOAD_TEXT_MAX (CONFIG_ERROR_MAX + 256)

struct reload_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct bootstrap_source *source;
    const struct bootstrap *bootstrap; /* that runs */
    /* Makes `fresh` the one that runs. 0 with a sentence in `text` (RELOAD_TEXT_MAX bytes), or an error with
     * the reason in it. `fresh` is freed by the caller, in either case. */
    int (*change)(void *arg, struct bootstrap *fresh, char *text);
    uint64_t (*now_us)(void);  /* monotonic */
    uint64_t (*wall_us)(void); /* since 1970 */
    void *arg;
};

/* Watches the file, if there is one; where that cannot be done, a warning says so. NULL: no memory. */
struct reload *reload_new(const struct reload_options *options);
void reload_free(struct reload *reload); /* NULL is fine */

/* Loads now. 0, or -errno; `text` (RELOAD_TEXT_MAX bytes) says what has changed, or what is wrong. A file
 * whose content is that of the last one that was good is not loaded. */
int reload_now(struct reload *reload, char *text);
/* When the configuration that runs was loaded, since 1970. */
uint64_t reload_loaded_us(const struct reload *reload);
/* Loads as reload_now, but not oftener than once a second: asked sooner, then. */
void reload_ask(struct reload *reload);
