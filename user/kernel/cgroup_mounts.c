#include "kernel/cgroup_mounts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/mem.h"

/* "\040" -> " ", as the kernel writes spaces, tabs, line ends and backslashes (proc(5)). */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        bool is_octal = from[0] == '\\' && strspn(from + 1, "01234567") >= 3;

        *to = is_octal ? (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0') : *from;
        from += is_octal ? 4 : 1;
    }
    *to = '\0';
}

/* "41 31 0:38 ROOT POINT options [fields...] - cgroup2 source options" */
static bool read_line(const char *line, struct cgroup_mount *out)
{
    const char *type = strstr(line, " - ");
    char *ends;

    if (!type || strncmp(type, " - cgroup2 ", strlen(" - cgroup2 ")) != 0)
        return false;
    autofree char *copy = strndup(line, (size_t)(type - line));
    if (!copy)
        return false;
    const char *words[5] = {NULL};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        words[i] = strtok_r(i ? NULL : copy, " ", &ends);
    if (!words[4] || strlen(words[3]) >= sizeof(out->root) ||
        strlen(words[4]) >= sizeof(out->point))
        return false;
    strcpy(out->root, words[3]);
    strcpy(out->point, words[4]);
    unescape(out->root);
    unescape(out->point);
    return true;
}

int cgroup_mounts_next(FILE *table, struct cgroup_mount *out)
{
    autofree char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (!found && getline(&line, &room, table) > 0)
        found = read_line(line, out);
    return found;
}
