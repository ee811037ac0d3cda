/* Makes another bootstrap that of the running daemon: all of it, or nothing. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/bootstrap.h"
#include "daemon/lookout.h"
#include "daemon/report_stream.h"
#include "daemon/upstreams.h"
#include "kernel/tap.h"
#include "report/reporter.h"
#include "upstream/hosts.h"

struct change_target { /* all borrowed */
    struct bootstrap *bootstrap;
    struct hosts *hosts;
    struct tap *tap;
    struct upstreams *upstreams;
    struct reporter *reporter;
    struct report_stream *stream;
    struct lookout *lookout;
};

#define CHANGE_TEXT_MAX 256

/* `to` becomes the target's bootstrap, and gets what that was. 0, and `text` (CHANGE_TEXT_MAX bytes) says
 * what has changed; -EINVAL, -ENOMEM: nothing has changed, the reason is in `error`. `file` is for the
 * reason, and may be NULL. */
int change_make(const struct change_target *target, struct bootstrap *to, const char *file,
                uint64_t now_us, char *text, struct config_error *error);
