#include "privilege/capabilities.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>

#include <cap-ng.h>

#include "privilege/identity.h"

static uint64_t held(capng_type_t type)
{
    uint64_t set = 0;

    for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
        if (capng_have_capability(type, i))
            set |= CAPABILITY(i);
    return set;
}

static void choose(capng_type_t type, uint64_t set)
{
    for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
        if (set & CAPABILITY(i))
            capng_update(CAPNG_ADD, type, i);
}

uint64_t capabilities_effective(void)
{
    return capng_get_caps_process() ? 0 : held(CAPNG_EFFECTIVE);
}

int capabilities_limit(uint64_t set)
{
    if (capng_get_caps_process())
        return -EPERM;
    uint64_t permitted = held(CAPNG_PERMITTED);

    capng_clear(CAPNG_SELECT_CAPS);
    choose(CAPNG_PERMITTED, permitted);
    choose(CAPNG_EFFECTIVE, permitted & set);
    return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

/* What of the permitted set the change itself takes. */
static int prepare(uint64_t *permitted)
{
    if (capng_get_caps_process())
        return -EPERM;
    *permitted = held(CAPNG_PERMITTED);
    return capabilities_limit(*permitted);
}

int capabilities_drop(uint64_t set, const struct identity *identity)
{
    uint64_t permitted;

    if (prepare(&permitted))
        return -EPERM;
    if (identity && setgroups(identity->group_count, identity->groups))
        return -EPERM;

    unsigned flags = CAPNG_CLEAR_AMBIENT;
    if (permitted & CAPABILITY(CAP_SETPCAP))
        flags |= CAPNG_CLEAR_BOUNDING;
    capng_clear(CAPNG_SELECT_CAPS);
    choose(CAPNG_PERMITTED, permitted & set);
    choose(CAPNG_EFFECTIVE, permitted & set);
    return capng_change_id(identity ? (int)identity->uid : -1, identity ? (int)identity->gid : -1,
                           (capng_flags_t)flags)
               ? -EPERM
               : 0;
}

void capabilities_text(uint64_t set, char *out, size_t size)
{
    size_t length = 0;

    snprintf(out, size, "none");
    for (unsigned i = 0; i <= CAP_LAST_CAP && length < size; i++) {
        const char *name = set & CAPABILITY(i) ? capng_capability_to_name(i) : NULL;

        if (!name)
            continue;
        length += (size_t)snprintf(out + length, size - length, "%sCAP_", length ? ", " : "");
        for (; *name && length + 1 < size; name++)
            out[length++] = (char)toupper((unsigned char)*name);
        if (length < size)
            out[length] = 0;
    }
}
