/* What this kernel's BPF can do, found by trying: a version number says little, as vendors port
 * features back. */
#pragma once

#include <stdbool.h>

struct features {
    bool results; /* atomics that give a result: Linux 5.12 */
    bool loops;   /* bpf_loop(): 5.17, and pointer arguments of global functions, which are older */
    bool cookies; /* network namespaces have cookies, and sockops sees them: 5.15 */
};

/* All false where no program can be loaded at all; loading then tells why. */
void features_find(struct features *out);
