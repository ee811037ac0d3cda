/* What an HTTP/2 connection's messages mean for the counters, by Envoy's rules: written apart from
 * the kernel's code, to be compared with it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What the counters must say; the names are those of `struct tally` in bpf/connection_state.h. */
struct model_tally {
    uint32_t issued, success, error, finished, no_result, unclassified, probes;
};

enum model_cause { MODEL_UPSTREAM, MODEL_PROXY, MODEL_LOST };

/* What follows MODEL_GRPC is not counted; an unseen one began before anybody looked. */
enum model_kind { MODEL_PLAIN, MODEL_GRPC, MODEL_PROBE, MODEL_UNSEEN };

struct model_stream {
    uint32_t id;
    uint8_t kind; /* enum model_kind */
    uint8_t interim, answered, decided, ended;
};

struct h2_model {
    struct model_tally tally;
    struct model_stream *streams; /* by id, which only grow */
    size_t count, room;
    uint32_t last; /* of a GOAWAY: the last stream that is answered */
};

#define MODEL_NO_STATUS (-1)     /* there is no such field */
#define MODEL_BAD_STATUS (-2)    /* ... or it is no number that means something */
#define MODEL_NO_LAST 0xffffffff /* no GOAWAY came */

void h2_model_start(struct h2_model *m); /* keeps the memory */
void h2_model_free(struct h2_model *m);

/* A header block of the proxy. Not 0: the stream is known already, or its id is not above all others:
 * then nothing happens. */
int h2_model_request(struct h2_model *m, uint32_t id, enum model_kind kind);
/* A header block of the upstream, and whether it ends the stream. */
void h2_model_response(struct h2_model *m, uint32_t id, int status, int grpc_status, int ends);
void h2_model_data_end(struct h2_model *m, uint32_t id);
void h2_model_reset(struct h2_model *m, uint32_t id, enum model_cause who);
void h2_model_goaway(struct h2_model *m, uint32_t last);
void h2_model_end(struct h2_model *m, enum model_cause cause);
