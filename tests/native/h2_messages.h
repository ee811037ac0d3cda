/* Header lists that say something: requests, responses, trailers. */
#pragma once

#include "choices.h"
#include "h2_fields.h"

#define MESSAGE_FIELDS_MAX 24

struct message {
    struct h2_field field[MESSAGE_FIELDS_MAX];
    uint32_t count;
};

/* Not 0: it is a gRPC call. */
int message_request(struct message *m, struct choices *c);
void message_interim(struct message *m, struct choices *c);
void message_head(struct message *m, struct choices *c, int grpc, int ends);
void message_trailers(struct message *m, struct choices *c, int grpc);
void message_promise(struct message *m, struct choices *c);
