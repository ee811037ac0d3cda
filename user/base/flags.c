#include "base/flags.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct parse {
    const struct flags *flags;
    char *out; /* what is filled */
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parse *parse, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(parse->error, parse->error_size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int flag_text(void *member, const char *value)
{
    *(const char **)member = value;
    return *value ? 0 : -EINVAL;
}

int flag_presence(void *member, const char *value)
{
    (void)value;
    *(bool *)member = true;
    return 0;
}

/* The flag that `argument` names; `*value` is what follows a "=", or NULL. */
static const struct flag *find(const struct flags *flags, const char *argument, const char **value)
{
    const char *equals = strncmp(argument, "--", 2) == 0 ? strchr(argument, '=') : NULL;
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);

    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < flags->count; i++) {
        const struct flag *flag = &flags->table[i];

        if (strlen(flag->name) == length && memcmp(flag->name, argument, length) == 0)
            return flag;
        if (flag->short_name && strcmp(flag->short_name, argument) == 0)
            return flag;
    }
    return NULL;
}

/* What is not a flag. */
static int take_argument(struct parse *parse, const char *argument)
{
    const struct flags *flags = parse->flags;
    const char **taken;

    if (argument[0] == '-' && argument[1])
        return fail(parse, "'%s': no such flag; --help lists what there is", argument);
    if (!flags->argument)
        return fail(parse, "'%s': expected a flag; --help lists what there is", argument);
    taken = (const char **)(parse->out + flags->argument_offset);
    if (*taken)
        return fail(parse, "'%s': one %s only, and there is '%s'", argument, flags->argument,
                    *taken);
    *taken = argument;
    return 0;
}

/* Reads argv[*at] and its value, and moves `*at` to the last one read: the end after a flag that is
 * the last one. */
static int parse_at(struct parse *parse, int argc, char **argv, int *at)
{
    const char *argument = argv[*at], *value;
    const struct flag *flag = find(parse->flags, argument, &value);

    if (!flag)
        return take_argument(parse, argument);
    if (!flag->value && value)
        return fail(parse, "%s takes no value, found '%s'", flag->name, value);
    if (flag->value && !value) {
        if (*at + 1 >= argc)
            return fail(parse, "%s: its value is missing", argument);
        value = argv[++*at];
    }
    if (flag->read(parse->out + flag->offset, value))
        return fail(parse, "%s: found '%s', expected %s", flag->name, value,
                    flag->expected ? flag->expected : "some text");
    if (flag->last)
        *at = argc;
    return 0;
}

int flags_parse(const struct flags *flags, int argc, char **argv, void *out, char *error,
                size_t error_size)
{
    struct parse parse = {
        .flags = flags, .out = (char *)out, .error = error, .error_size = error_size};

    for (int at = 1; at < argc; at++) {
        int failed = parse_at(&parse, argc, argv, &at);

        if (failed)
            return failed;
    }
    return 0;
}

#define HELP_COLUMN 32

void flags_print(const struct flags *flags, FILE *out)
{
    fprintf(out, "Usage: %s\n\n%s\n\n", flags->usage, flags->about);
    for (size_t i = 0; i < flags->count; i++) {
        const struct flag *flag = &flags->table[i];
        int width = fprintf(out, "  %2s%c %s%s%s", flag->short_name ? flag->short_name : "",
                            flag->short_name ? ',' : ' ', flag->name, flag->value ? " " : "",
                            flag->value ? flag->value : "");

        fprintf(out, "%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", flag->help);
    }
}
