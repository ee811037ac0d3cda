#include "doctor/findings.h"

#include <stdarg.h>
#include <stdlib.h>

const char *verdict_text(enum verdict verdict)
{
    static const char *const texts[] = {
        [VERDICT_OK] = "ok", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "FAIL"};

    return texts[verdict];
}

static void print(const struct findings *findings, const struct finding *finding)
{
    if (!findings->lines)
        return;
    fprintf(findings->lines, "%-4s  %-13s  %s%s%s\n", verdict_text(finding->verdict),
            finding->check, finding->text, *finding->fix ? " -> " : "", finding->fix);
    fflush(findings->lines);
}

static void keep(struct findings *findings, const struct finding *finding)
{
    struct finding *items =
        reallocarray(findings->items, findings->count + 1, sizeof(*findings->items));

    if (!items)
        return;
    items[findings->count++] = *finding;
    findings->items = items;
}

void findings_add(struct findings *findings, enum verdict verdict, const char *check,
                  const char *fix, const char *format, ...)
{
    struct finding finding = {.verdict = verdict};
    va_list args;

    snprintf(finding.check, sizeof(finding.check), "%s", check);
    snprintf(finding.fix, sizeof(finding.fix), "%s", fix ? fix : "");
    va_start(args, format);
    vsnprintf(finding.text, sizeof(finding.text), format, args);
    va_end(args);
    print(findings, &finding);
    keep(findings, &finding);
}

enum verdict findings_worst(const struct findings *findings)
{
    enum verdict worst = VERDICT_OK;

    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].verdict > worst)
            worst = findings->items[i].verdict;
    return worst;
}

void findings_clear(struct findings *findings)
{
    free(findings->items);
    findings->items = NULL;
    findings->count = 0;
}
