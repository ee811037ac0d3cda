/* Flags of a command line, by a table: both `--flag value` and `--flag=value`. What is not a flag is an
 * argument; at most one is taken. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct flag {
    const char *name, *short_name; /* "--seconds", "-s"; short_name may be NULL */
    const char *value;             /* what --help calls its value; NULL: it has none */
    const char *help;              /* one line */
    /* Puts the value (NULL where the flag has none) where `member` points to. 0, or -EINVAL. */
    int (*read)(void *member, const char *value);
    size_t offset;        /* of that member in what flags_parse() fills */
    const char *expected; /* what an error says; NULL where read() takes everything */
    bool last;            /* nothing behind it is looked at: --help */
};

struct flags {
    const char *usage; /* behind "Usage: "; may have several lines */
    const char *about;
    const struct flag *table;
    size_t count;
    const char *argument;   /* what an error calls the argument; NULL: none is taken */
    size_t argument_offset; /* of a const char *, NULL unless there was one */
};

/* argv[0] is not looked at. Fills `out`, which has its defaults, with what is borrowed from argv; the
 * last of several equal flags wins. 0; or -EINVAL with a sentence in `error`, and `out` half filled. */
int flags_parse(const struct flags *flags, int argc, char **argv, void *out, char *error,
                size_t error_size);

/* What --help prints. */
void flags_print(const struct flags *flags, FILE *out);

/* Readers. */
int flag_text(void *member, const char *value);     /* const char *; not "" */
int flag_presence(void *member, const char *value); /* bool */
