/* What `loadtap NAME …` does instead of running as the daemon. One file per command, and a line in the
 * table of command.c. */
#pragma once

#include <stdio.h>

struct command {
    const char *name;
    const char *summary; /* one line, for --help */
    /* argv[0] is the command's name, argv[argc] is NULL. What it returns is the exit status. */
    int (*run)(int argc, char **argv);
};

/* All commands, in the order of --help; NULL behind the last one. */
extern const struct command *const commands[];

/* The entry of that table with this name; NULL: none. */
const struct command *command_find(const struct command *const *table, const char *name);

/* A line for each entry; nothing for an empty table. */
void commands_print(const struct command *const *table, FILE *out);
