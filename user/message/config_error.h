/* What is wrong with a configuration, as one text that a person can act on:
 * "FILE:LINE:COLUMN: PATH: found …, expected …". */
#pragma once

#define CONFIG_ERROR_MAX 1536

struct config_error {
    char text[CONFIG_ERROR_MAX];
};

/* A place in a configuration. */
struct config_place {
    const char *file;
    unsigned line, column; /* from 1; line 0: the file as a whole */
    const char *path;      /* "static_resources.clusters[1].name"; NULL or "": none */
};

/* Writes the place and then the sentence. Returns -EINVAL. */
int config_error_set(struct config_error *error, const struct config_place *place,
                     const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Returns -ENOMEM. */
int config_error_memory(struct config_error *error);
