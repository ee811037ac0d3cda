/* Bytes that a configuration holds or names, such as a certificate. A file is read again whenever
 * they are wanted, so that one that is replaced takes effect. Their content never shows in a text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATA_SOURCE_MAX (1u << 20)

struct data_source {
    enum { DATA_NONE, DATA_FILE, DATA_INLINE } kind;
    char *file;
    uint8_t *bytes; /* of DATA_INLINE, owned; a NUL follows them */
    size_t size;
    char *place; /* "FILE:1:2: a.b.c", where it stands in the configuration */
};

/* The bytes as they are now; to be given to data_source_release. 0; -ENOMEM; -EFBIG; -errno of
 * reading the file. */
int data_source_load(const struct data_source *source, uint8_t **bytes, size_t *size);
void data_source_release(uint8_t *bytes, size_t size); /* blanks them first; NULL is fine */
bool data_source_equal(const struct data_source *a,
                       const struct data_source *b); /* but for `place` */
void data_source_clear(struct data_source *source);  /* frees what it holds, not the struct */
