/* Makes up HTTP/2 connections: both sides' valid frames, in every coding that is allowed. */
#pragma once

#include "choices.h"
#include "record.h"

/* What the streams of one connection are about. */
enum script_size { SCRIPT_SMALL, SCRIPT_MEDIUM, SCRIPT_LARGE, SCRIPT_HUGE, SCRIPT_SIZES };

struct script_options {
    enum script_size size;
    int tables; /* header tables other than the default, of 64 KiB at most; 2: beyond */
    int calm;   /* the client resets nothing: what is counted does not depend on what crosses */
};

/* Writes one into `r`, which is cleared. */
void script_write(struct record *r, struct choices *c, const struct script_options *options);

/* The cluster that it speaks to, and its health checks. */
struct cluster;
struct probe_set;
const struct cluster *script_cluster(void);
const struct probe_set *script_probes(void);
