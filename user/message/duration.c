#include "message/duration.h"

#define SECONDS_MAX 315576000000 /* protobuf's own limit */

bool duration_is_negative(const Google__Protobuf__Duration *duration)
{
    return duration->seconds < 0 || duration->nanos < 0;
}

uint64_t duration_ms(const Google__Protobuf__Duration *duration)
{
    int64_t seconds = duration->seconds < SECONDS_MAX ? duration->seconds : SECONDS_MAX;

    return (uint64_t)seconds * 1000 + (uint64_t)duration->nanos / 1000000;
}
