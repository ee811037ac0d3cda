#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void *pages_take(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}

void pages_forget(void *pages, size_t size)
{
    if (pages)
        madvise(pages, size, MADV_DONTNEED);
}

void pages_give_back(void *pages, size_t size)
{
    if (pages)
        munmap(pages, size);
}

void pages_leave(const void *constants, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)constants;
    uintptr_t begin = (at + page - 1) & ~(page - 1), end = (at + size) & ~(page - 1);

    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}
