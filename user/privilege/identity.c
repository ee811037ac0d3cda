#include "privilege/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NUMBER_MAX 4294967294ul /* the last one means "no change" */

static const struct identity overflow = {
    .name = "65534", .uid = 65534, .gid = 65534, .groups = {65534}, .group_count = 1};

/* A decimal number up to `end`; moves `*text` there. */
static bool read_number(const char **text, char end, unsigned long *out)
{
    char *rest;

    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *out = strtoul(*text, &rest, 10);
    *text = rest + 1;
    return !errno && *rest == end && *out <= NUMBER_MAX;
}

/* Whether the file has a user of this name, or, if there is none, of this number. */
static bool find_user(const char *passwd, const char *name, uid_t uid, struct identity *out)
{
    FILE *file = fopen(passwd, "re");
    const struct passwd *entry = NULL;

    while (file && (entry = fgetpwent(file)))
        if (name ? !strcmp(entry->pw_name, name) : entry->pw_uid == uid)
            break;
    if (entry) {
        snprintf(out->name, sizeof(out->name), "%s", entry->pw_name);
        out->uid = entry->pw_uid;
        out->gid = entry->pw_gid;
    }
    if (file)
        fclose(file);
    return entry;
}

static bool has_member(const struct group *entry, const char *name)
{
    for (char **member = entry->gr_mem; *member; member++)
        if (!strcmp(*member, name))
            return true;
    return false;
}

/* Those that do not fit are left away. */
static void find_groups(const char *group, struct identity *out)
{
    FILE *file = fopen(group, "re");
    const struct group *entry;

    out->groups[0] = out->gid;
    out->group_count = 1;
    while (file && out->group_count < IDENTITY_GROUPS_MAX && (entry = fgetgrent(file)))
        if (entry->gr_gid != out->gid && has_member(entry, out->name))
            out->groups[out->group_count++] = entry->gr_gid;
    if (file)
        fclose(file);
}

static int find_named(const char *user, const char *passwd, const char *group, struct identity *out)
{
    if (!find_user(passwd, user, 0, out))
        return -ENOENT;
    find_groups(group, out);
    return 0;
}

static int find_numbered(const char *user, const char *passwd, const char *group,
                         struct identity *out)
{
    const char *text = user;
    unsigned long uid, gid;

    snprintf(out->name, sizeof(out->name), "%s", user);
    if (strchr(user, ':')) {
        if (!read_number(&text, ':', &uid) || !read_number(&text, 0, &gid))
            return -EINVAL;
        out->uid = (uid_t)uid;
        out->gid = out->groups[0] = (gid_t)gid;
        out->group_count = 1;
        return 0;
    }
    if (!read_number(&text, 0, &uid))
        return -EINVAL;
    if (!find_user(passwd, NULL, (uid_t)uid, out))
        out->uid = out->gid = (uid_t)uid;
    find_groups(group, out);
    return 0;
}

static int find(const char *user, const char *passwd, const char *group, struct identity *out)
{
    bool numbered = *user >= '0' && *user <= '9';

    return numbered ? find_numbered(user, passwd, group, out)
                    : find_named(user, passwd, group, out);
}

int identity_find(const char *user, const char *passwd, const char *group, struct identity *out)
{
    static const char *const defaults[] = {"loadtap", "nobody"};
    struct identity found = {.uid = 0};
    int result;

    if (user) {
        result = find(user, passwd, group, &found);
        if (!result)
            *out = found;
        return result;
    }
    *out = overflow;
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (!find(defaults[i], passwd, group, &found)) {
            *out = found;
            break;
        }
    return 0;
}
