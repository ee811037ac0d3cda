#include "config/data_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Until the end of the file, or of `room`. */
static ssize_t read_all(int fd, uint8_t *out, size_t room)
{
    size_t size = 0;

    while (size < room) {
        ssize_t count = read(fd, out + size, room - size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        size += (size_t)count;
    }
    return (ssize_t)size;
}

static int load_file(const char *path, uint8_t **bytes, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer is empty */
    uint8_t *content;
    ssize_t count;

    if (fd < 0)
        return -errno;
    content = malloc(DATA_SOURCE_MAX + 1);
    count = content ? read_all(fd, content, DATA_SOURCE_MAX + 1) : -ENOMEM;
    close(fd);
    if (count > DATA_SOURCE_MAX)
        count = -EFBIG;
    if (count < 0) {
        data_source_release(content, content ? DATA_SOURCE_MAX : 0);
        return (int)count;
    }
    *bytes = content;
    *size = (size_t)count;
    return 0;
}

int data_source_load(const struct data_source *source, uint8_t **bytes, size_t *size)
{
    uint8_t *copy;

    if (source->kind == DATA_FILE)
        return load_file(source->file, bytes, size);
    copy = malloc(source->size + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, source->bytes, source->size);
    *bytes = copy;
    *size = source->size;
    return 0;
}

void data_source_release(uint8_t *bytes, size_t size)
{
    if (bytes)
        explicit_bzero(bytes, size);
    free(bytes);
}

bool data_source_equal(const struct data_source *a, const struct data_source *b)
{
    if (a->kind != b->kind || a->size != b->size)
        return false;
    if (a->kind == DATA_FILE)
        return !strcmp(a->file, b->file);
    return !a->size || !memcmp(a->bytes, b->bytes, a->size);
}

void data_source_clear(struct data_source *source)
{
    data_source_release(source->bytes, source->size);
    free(source->file);
    free(source->place);
    *source = (struct data_source){.kind = DATA_NONE};
}
