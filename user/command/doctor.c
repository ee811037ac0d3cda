#include "command/doctor.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/flags.h"
#include "base/log.h"
#include "base/mem.h"
#include "doctor/doctor.h"

/* Its exit status. */
#define STATUS_FAILED 1
#define STATUS_USAGE 2

struct doctor_options {
    const char *config_path, *config_yaml;
    bool expand_env, json, help;
};

#define MEMBER(name) offsetof(struct doctor_options, name)

static const struct flag table[] = {
    {"--config-path", "-c", "FILE", "the bootstrap; without one only the machine is looked at",
     flag_text, MEMBER(config_path), "the name of a file", false},
    {"--config-yaml", NULL, "TEXT", "YAML that is merged on top of the file", flag_text,
     MEMBER(config_yaml), "YAML", false},
    {"--config-expand-env", NULL, NULL,
     "${NAME} in a value of either is the environment's variable", flag_presence,
     MEMBER(expand_env), NULL, false},
    {"--json", NULL, NULL, "one JSON object instead of lines", flag_presence, MEMBER(json), NULL,
     false},
    {"--help", "-h", NULL, "this", flag_presence, MEMBER(help), NULL, true},
};

static const struct flags flags = {
    .usage = "loadtap doctor [-c FILE] [flags]",
    .about =
        "Tries what loadtap needs here: the kernel, capabilities, the cgroup, the programs "
        "(attached\n"
        "for a moment), names, certificates, a stream with the management server, and whether the\n"
        "endpoints are what is dialled. A line for each: ok, warn or FAIL, and \"-> what to do\".\n"
        "\n"
        "Exit status: 0: nothing failed (there may be warnings); 1: something failed; 2: the "
        "command\n"
        "line is wrong.",
    .table = table,
    .count = ARRAY_SIZE(table),
};

static int examine(const struct doctor_options *options)
{
    const struct bootstrap_source source = {
        .path = options->config_path,
        .yaml = options->config_yaml,
        .environment = options->expand_env ? (const char *const *)environ : NULL};
    struct findings findings = {.lines = options->json ? NULL : stdout};
    bool failed;

    doctor_examine(&findings, source.path || source.yaml ? &source : NULL);
    failed = findings_worst(&findings) == VERDICT_FAIL;
    if (options->json && findings_json(&findings, stdout)) {
        fprintf(stderr, "loadtap doctor: cannot write JSON\n");
        failed = true;
    }
    findings_clear(&findings);
    return failed ? STATUS_FAILED : 0;
}

static int run(int argc, char **argv)
{
    struct doctor_options options = {.json = false};
    char error[512];

    if (flags_parse(&flags, argc, argv, &options, error, sizeof(error))) {
        fprintf(stderr, "loadtap doctor: %s\n", error);
        return STATUS_USAGE;
    }
    if (options.help) {
        flags_print(&flags, stdout);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_OFF); /* its lines say it */
    return examine(&options);
}

const struct command doctor_command = {
    .name = "doctor",
    .summary = "what would keep loadtap from counting or reporting here",
    .run = run,
};
