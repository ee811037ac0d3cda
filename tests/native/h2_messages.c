#include "h2_messages.h"

#include "base/mem.h"

static void add(struct message *m, uint32_t name, uint32_t value)
{
    if (m->count < MESSAGE_FIELDS_MAX)
        m->field[m->count++] = (struct h2_field){name, value};
}

/* Any value of the name; one of the first `usual` most of the time. */
static void add_any(struct message *m, struct choices *c, uint32_t name, uint32_t usual)
{
    uint32_t all = field_values(name);

    add(m, name, choose(c, chance(c, 75) || all == UINT32_MAX ? usual : all));
}

static uint32_t noise_value(struct choices *c)
{
    uint32_t length = choose(c, 60);

    if (chance(c, 3))
        length = choose(c, chance(c, 20) ? FIELD_NOISE_SPAN : 600);
    return choose(c, 40) * FIELD_NOISE_SPAN + (chance(c, 20) ? 0x100000 : 0) + length;
}

static void add_noise(struct message *m, struct choices *c)
{
    uint32_t count = chance(c, 60) ? choose(c, 4) : 0;

    if (chance(c, 1))
        count = choose(c, MESSAGE_FIELDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (chance(c, 10))
            add(m, NAME_EMPTY, 0);
        else
            add(m, NAME_NOISE + choose(c, chance(c, 90) ? 12 : 3000), noise_value(c));
    }
}

/* Pseudo-header fields come first (RFC 9113, 8.3); the others in any order. */
static void shuffle(struct message *m, struct choices *c, uint32_t from)
{
    for (uint32_t i = m->count; i > from + 1; i--) {
        uint32_t other = from + choose(c, i - from);
        struct h2_field f = m->field[i - 1];

        m->field[i - 1] = m->field[other];
        m->field[other] = f;
    }
}

static void request_fields(struct message *m, struct choices *c)
{
    add_any(m, c, NAME_METHOD, 2);
    add_any(m, c, NAME_SCHEME, 1);
    add_any(m, c, NAME_PATH, 2);
    if (chance(c, 95))
        add_any(m, c, NAME_AUTHORITY, 2);
    shuffle(m, c, 0);
}

int message_request(struct message *m, struct choices *c)
{
    uint32_t pseudo, type = UINT32_MAX;

    m->count = 0;
    request_fields(m, c);
    pseudo = m->count;
    if (chance(c, 70)) {
        add_any(m, c, NAME_CONTENT_TYPE, 2);
        type = m->field[m->count - 1].value;
    }
    if (chance(c, 60))
        add(m, NAME_USER_AGENT,
            chance(c, 90) ? 1 + choose(c, 2) : choose(c, field_values(NAME_USER_AGENT)));
    if (chance(c, 40))
        add(m, NAME_TE, 0);
    if (chance(c, 20))
        add(m, NAME_COOKIE, noise_value(c));
    add_noise(m, c);
    if (chance(c, 30))
        shuffle(m, c, pseudo);
    return type < 3;
}

void message_interim(struct message *m, struct choices *c)
{
    static const uint32_t statuses[] = {100, 103, 102, 199, 104};

    m->count = 0;
    add(m, NAME_STATUS, statuses[choose(c, ARRAY_SIZE(statuses))]);
    add_noise(m, c);
}

static void add_grpc_status(struct message *m, struct choices *c)
{
    if (chance(c, 95))
        add(m, NAME_GRPC_STATUS,
            chance(c, 50) ? 0 : choose(c, chance(c, 80) ? 17 : field_values(NAME_GRPC_STATUS)));
    if (chance(c, 40))
        add_any(m, c, NAME_GRPC_MESSAGE, 2);
}

void message_head(struct message *m, struct choices *c, int grpc, int ends)
{
    static const uint32_t usual[] = {200, 204, 404, 500, 503};
    uint32_t status = 200;

    m->count = 0;
    if (chance(c, grpc ? 10 : 40))
        status = usual[choose(c, ARRAY_SIZE(usual))];
    if (chance(c, 5))
        status = 200 + choose(c, chance(c, 90) ? 400 : 800);
    if (chance(c, 1))
        status = choose(c, 1000);
    if (!chance(c, 1)) /* else it is no response */
        add(m, NAME_STATUS, status);
    if (chance(c, 70))
        add_any(m, c, NAME_CONTENT_TYPE, 2);
    if (grpc ? ends || chance(c, 5) : chance(c, 5))
        add_grpc_status(m, c);
    if (chance(c, 40))
        add_any(m, c, NAME_SERVER, 2);
    if (chance(c, 30))
        add(m, NAME_DATE, choose(c, 4) * FIELD_NOISE_SPAN + 29);
    if (chance(c, 10))
        add(m, NAME_SET_COOKIE, noise_value(c));
    add_noise(m, c);
    if (chance(c, 30))
        shuffle(m, c, 1);
}

void message_trailers(struct message *m, struct choices *c, int grpc)
{
    m->count = 0;
    if (grpc)
        add_grpc_status(m, c);
    if (!grpc || chance(c, 10))
        add_noise(m, c);
    shuffle(m, c, 0);
}

void message_promise(struct message *m, struct choices *c)
{
    m->count = 0;
    request_fields(m, c);
    add_noise(m, c);
}
