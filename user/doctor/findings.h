/* What the checks came to: a line each, at once, and all of them as JSON at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

#define FINDING_CHECK_MAX 24
#define FINDING_TEXT_MAX 1024

struct finding {
    enum verdict verdict;
    char check[FINDING_CHECK_MAX], text[FINDING_TEXT_MAX], fix[FINDING_TEXT_MAX]; /* fix "": none */
};

struct findings { /* all zero: none */
    FILE *lines;  /* where each is written when it is made; NULL: nowhere. Borrowed */
    struct finding *items;
    size_t count;
};

/* "ok    kernel         Linux 6.18"; with what to do, "FAIL  dns            no answer -> is the name right?"
 * Where there is no memory to keep it, it is only in the line. */
void findings_add(struct findings *findings, enum verdict verdict, const char *check,
                  const char *fix, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* As above, without a fix. */
#define findings_ok(findings, check, ...)                                                          \
    findings_add(findings, VERDICT_OK, check, NULL, __VA_ARGS__)

/* The worst. */
enum verdict findings_worst(const struct findings *findings);
const char *verdict_text(enum verdict verdict); /* "ok", "warn", "FAIL" */
void findings_clear(struct findings *findings); /* frees what it holds */

/* {"verdict": "ok", "checks": [{"check", "verdict", "text", "fix"}, ...]} and a newline; "fail" in small
 * letters. 0 or -ENOMEM, -EIO. */
int findings_json(const struct findings *findings, FILE *out);
