/* Whatever answers where the admin interface is asked: what can be read of it must become rows and a screen,
 * or an explanation, without harm. */
#include <stdint.h>
#include <stdlib.h>

#include "command/explain_text.h"
#include "command/http_reply.h"
#include "command/top_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const struct top_rows *rows, FILE *out)
{
    static const struct top_state state = {.sort = TOP_RATE, .descending = true};
    const struct top_row **picked = calloc(rows->count + 1, sizeof(*picked));
    struct top_view view = {.all = rows->count,
                            .rows = picked,
                            .state = &state,
                            .lrs = rows->answer,
                            .target = "",
                            .columns = 80,
                            .lines = 24,
                            .colours = true};

    if (!picked)
        abort();
    view.count = top_rows_pick(rows, "", state.sort, state.descending, picked);
    top_screen(&view, out);
    json_decref(top_rows_json(picked, view.count));
    free(picked);
}

static void use(json_t *answer, FILE *out)
{
    const struct explain_source source = {0};
    struct top_rows first, second;

    explain_cluster_text(answer, out);
    explain_address_text(answer, &source, out);
    if (top_rows_read(json_incref(answer), NULL, 0, &first))
        return;
    if (!top_rows_read(json_incref(answer), &first, 1, &second)) {
        draw(&second, out);
        top_rows_clear(&second);
    }
    top_rows_clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reply reply;
    FILE *out = fopen("/dev/null", "w");
    json_t *answer;

    if (!out)
        abort();
    if (!http_reply_read((const char *)data, size, &reply)) {
        answer = json_loadb(reply.body, reply.length, 0, NULL);
        if (answer)
            use(answer, out);
        json_decref(answer);
    }
    fclose(out);
    return 0;
}
