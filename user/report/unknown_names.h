/* The names that the management server asks for and no cluster has: one may come with the next
 * configuration, and is then reported since it was first named, as by Envoy. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A server may think up names without end. Those that have no room are forgotten: such a cluster is
 * reported when it is named after it has come. */
#define UNKNOWN_NAMES_MAX 10000
#define UNKNOWN_NAMES_BYTES_MAX (1u << 20) /* of all together */

struct unknown_names;

/* NULL: out of memory. */
struct unknown_names *unknown_names_new(void);
void unknown_names_free(struct unknown_names *names); /* NULL is fine */

/* A response: the names that are noted between these two are those that stay. */
void unknown_names_begin(struct unknown_names *names);
void unknown_names_end(struct unknown_names *names);
/* Notes a name, since `since_us` unless it is there. Nothing happens where there is no room or memory. */
void unknown_names_note(struct unknown_names *names, const char *text, size_t length,
                        uint64_t since_us);

/* Takes a name out. False: it is not there. */
bool unknown_names_take(struct unknown_names *names, const char *text, uint64_t *since_us);
