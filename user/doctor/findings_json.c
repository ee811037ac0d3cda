#include <errno.h>

#include <jansson.h>

#include "doctor/findings.h"

static const char *word(enum verdict verdict)
{
    return verdict == VERDICT_FAIL ? "fail" : verdict_text(verdict);
}

/* NULL: no memory, or a text that is no UTF-8. */
static json_t *one(const struct finding *finding)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "check", finding->check, "verdict",
                               word(finding->verdict), "text", finding->text);

    if (object && *finding->fix && json_object_set_new(object, "fix", json_string(finding->fix))) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static int fill(json_t *list, const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (json_array_append_new(list, one(&findings->items[i])))
            return -ENOMEM;
    return 0;
}

int findings_json(const struct findings *findings, FILE *out)
{
    json_t *list = json_array();
    json_t *all =
        json_pack("{s:s, s:o}", "verdict", word(findings_worst(findings)), "checks", list);
    int result = all ? fill(list, findings) : -ENOMEM;

    if (!result && (json_dumpf(all, out, JSON_INDENT(2)) || putc('\n', out) == EOF))
        result = -EIO;
    json_decref(all);
    return result;
}
