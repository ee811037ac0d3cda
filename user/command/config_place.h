/* Where in a bootstrap's file a field stands. */
#pragma once

#include <stddef.h>

struct tree;

/* The line of the value that `path` names, as "static_resources.clusters[1].name"; 0: the file has none. */
unsigned config_place_line(const struct tree *tree, const char *path);
