#include "http/metric.h"

#include <inttypes.h>

static const char *kind_text(const struct metric *metric)
{
    return metric->kind == METRIC_COUNTER ? "counter" : "gauge";
}

void metric_head(FILE *out, const struct metric *metric)
{
    fprintf(out, "# HELP " METRIC_PREFIX "%s %s\n# TYPE " METRIC_PREFIX "%s %s\n", metric->name,
            metric->help, metric->name, kind_text(metric));
}

/* "Text format details": \, " and line feed are escaped. */
static void write_label(FILE *out, const struct metric_label *label)
{
    fprintf(out, "%s=\"", label->name);
    for (const char *at = label->value; *at; at++) {
        if (*at == '\\' || *at == '"' || *at == '\n')
            fputc('\\', out);
        fputc(*at == '\n' ? 'n' : *at, out);
    }
    fputc('"', out);
}

static void write_value(FILE *out, const struct metric *metric, uint64_t value)
{
    if (metric->unit == METRIC_SECONDS)
        fprintf(out, " %" PRIu64 ".%06" PRIu64 "\n", value / 1000000, value % 1000000);
    else
        fprintf(out, " %" PRIu64 "\n", value);
}

void metric_sample(FILE *out, const struct metric *metric, const struct metric_label *labels,
                   size_t count, uint64_t value)
{
    fprintf(out, METRIC_PREFIX "%s", metric->name);
    for (size_t i = 0; i < count; i++) {
        fputc(i ? ',' : '{', out);
        write_label(out, &labels[i]);
    }
    if (count)
        fputc('}', out);
    write_value(out, metric, value);
}

void metric_single(FILE *out, const struct metric *metric, uint64_t value)
{
    metric_head(out, metric);
    metric_sample(out, metric, NULL, 0, value);
}

void metric_document(FILE *out, const struct metric *metric, const char *labels)
{
    static const char *const units[METRIC_UNITS] = {"", "bytes", "seconds"};

    fprintf(out, "| `" METRIC_PREFIX "%s` | %s | %s | %s | %s |\n", metric->name, kind_text(metric),
            units[metric->unit], labels, metric->help);
}
