/* Whom to be: a user of /etc/passwd, with the groups of /etc/group. Both are read as files: a static binary
 * has no other sources of users. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define IDENTITY_NAME_MAX 64
#define IDENTITY_GROUPS_MAX 64

struct identity {
    char name[IDENTITY_NAME_MAX]; /* as it is called, or the number */
    uid_t uid;
    gid_t gid;
    gid_t groups[IDENTITY_GROUPS_MAX]; /* `gid`, and those that have it as a member */
    size_t group_count;
};

/* `user`: a name, a number, or "number:number" of user and group. NULL: "loadtap", else "nobody", else
 * 65534:65534. A number that no user has is its own group. 0; -ENOENT: no such user; -EINVAL: it is none
 * of these. */
int identity_find(const char *user, const char *passwd, const char *group, struct identity *out);
