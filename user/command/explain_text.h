/* What the daemon's /explain says -> text for people. Pure. [jansson] */
#pragma once

#include <stdio.h>

#include <jansson.h>

struct tree;

/* The bootstrap, for the lines in it: both NULL where it is not known. */
struct explain_source {
    const char *file;
    const struct tree *tree;
};

/* The answers to /explain?cluster= and ?address= (user/admin/README.md), and the next report in protobuf's
 * JSON. What is not there is left out. */
void explain_cluster_text(const json_t *answer, FILE *out);
void explain_address_text(const json_t *answer, const struct explain_source *source, FILE *out);
