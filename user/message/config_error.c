#include "message/config_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static size_t write_place(char *out, size_t size, const struct config_place *place)
{
    int length;

    if (place->line)
        length = snprintf(out, size, "%s:%u:%u: ", place->file, place->line, place->column);
    else
        length = snprintf(out, size, "%s: ", place->file);
    if (place->path && place->path[0] && (size_t)length < size)
        length += snprintf(out + length, size - length, "%s: ", place->path);
    return (size_t)length < size ? (size_t)length : size - 1;
}

int config_error_set(struct config_error *error, const struct config_place *place,
                     const char *format, ...)
{
    size_t used = write_place(error->text, sizeof(error->text), place);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error->text + used, sizeof(error->text) - used, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int config_error_memory(struct config_error *error)
{
    snprintf(error->text, sizeof(error->text), "out of memory");
    return -ENOMEM;
}
