/* loadtap: the daemon. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/standard_files.h"
#include "base/version.h"
#include "command/command.h"
#include "config/bootstrap.h"
#include "daemon/certificates.h"
#include "daemon/daemon.h"
#include "daemon/files.h"
#include "daemon/options.h"

/* What is wrong with the configuration: for a person at a terminal, or for whoever reads the log. */
static void complain(const struct options *options, const char *text)
{
    if (options->has_log_format && options->log_format == LOG_FORMAT_JSON)
        log_error("%s", text);
    else
        fprintf(stderr, "%s\n", text);
}

static int load(const struct options *options, const struct bootstrap_source *source,
                struct bootstrap **out)
{
    struct config_error error;
    int failed = bootstrap_load(source, out, &error);

    if (failed)
        complain(options, error.text);
    return failed;
}

/* Certificates that cannot be used are an error of the configuration, as in Envoy. Later, when the
 * files have been replaced, they are a reason for having no stream. */
static int check_certificates(const struct options *options, const struct bootstrap *bootstrap)
{
    char error[CERTIFICATES_ERROR_MAX];
    int failed = certificates_check(bootstrap, error);

    if (failed)
        complain(options, error);
    return failed;
}

static int validate(const struct options *options, const struct bootstrap *bootstrap)
{
    for (size_t i = 0; i < bootstrap->note_count; i++)
        fprintf(stderr, "note: %s\n", bootstrap->notes[i]);
    printf("configuration '%s' OK\n", options->config_path ? options->config_path : "");
    return 0;
}

static int serve(struct bootstrap *bootstrap, const struct bootstrap_source *source)
{
    log_info("loadtap %s: %zu clusters", VERSION, bootstrap->clusters.count);
    for (size_t i = 0; i < bootstrap->note_count; i++)
        log_info("%s", bootstrap->notes[i]);
    return files_allow() || daemon_run(bootstrap, source) ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[512];

    if (standard_files_open())
        return 1; /* there may be nowhere to say so */
    const struct command *command = argc > 1 ? command_find(commands, argv[1]) : NULL;
    if (command)
        return command->run(argc - 1, argv + 1);
    if (options_parse(argc, argv, &options, error, sizeof(error)) < 0) {
        fprintf(stderr, "loadtap: %s\n", error);
        return 1;
    }
    if (options.help) {
        options_print_help(stdout);
        commands_print(commands, stdout);
        return 0;
    }
    if (options.version) {
        printf("loadtap " VERSION "\n");
        return 0;
    }
    const struct bootstrap_source source = {
        .path = options.config_path,
        .yaml = options.config_yaml,
        .environment = options.config_expand_env ? (const char *const *)environ : NULL,
        .service_node = options.service_node,
        .service_cluster = options.service_cluster,
        .service_zone = options.service_zone,
    };
    log_set_format(options.log_format);
    struct bootstrap *bootstrap;
    if (load(&options, &source, &bootstrap) < 0)
        return 1;
    log_set_level(options.log_level);
    if (!options.has_log_format && bootstrap->log_as_json)
        log_set_format(LOG_FORMAT_JSON);
    int status = 1;
    if (check_certificates(&options, bootstrap) == 0)
        status = options.mode == RUN_VALIDATE ? validate(&options, bootstrap)
                                              : serve(bootstrap, &source);
    bootstrap_free(bootstrap);
    log_flush();
    return status;
}
