/* What which node is asked for: the file of --settings (proto/loadtap/v1/collector.proto). */
#pragma once

#include "collector/answer.h"
#include "message/config_error.h"

struct settings;

/* `ask` is what every node is asked for, but as far as the file says something else; `path` NULL: no
 * file. 0; -EINVAL, -ENOMEM, -errno of reading the file, with the reason in `error` and `*out`
 * unchanged. */
int settings_new(const char *path, const struct ask *ask, struct settings **out,
                 struct config_error *error);
void settings_free(struct settings *settings); /* NULL is fine */

/* The answer for a node; lives as long as `settings`, or as it is held. */
struct answer *settings_answer(const struct settings *settings, const char *node_id,
                               const char *node_cluster);
