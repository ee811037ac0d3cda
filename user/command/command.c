#include "command/command.h"

#include <stddef.h>
#include <string.h>

#include "command/doctor.h"
#include "command/explain.h"
#include "command/init.h"
#include "command/top.h"

const struct command *const commands[] = {
    &init_command, &doctor_command, &top_command, &explain_command, NULL,
};

const struct command *command_find(const struct command *const *table, const char *name)
{
    for (; *table; table++) {
        if (strcmp((*table)->name, name) == 0)
            return *table;
    }
    return NULL;
}

void commands_print(const struct command *const *table, FILE *out)
{
    if (!*table)
        return;
    fprintf(out, "\nCommands, each with its own --help:\n\n");
    for (; *table; table++)
        fprintf(out, "  loadtap %-10s %s\n", (*table)->name, (*table)->summary);
}
