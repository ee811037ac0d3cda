/* HTTP/2 connections that the fuzzer's bytes make up: however they are cut, the parsers that the kernel
 * runs count what nghttp2 sees. Every byte is a decision of the case (../native/h2_case.c). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../native/h2_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {.bytes = data, .left = size, .random = 1};
    static struct case_result result;

    if (!case_run(&choices, &result))
        return 0;
    fprintf(stderr, "%s\n", result.problem);
    abort();
}
