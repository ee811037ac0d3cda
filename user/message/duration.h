/* google.protobuf.Duration as a number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "google/protobuf/duration.pb-c.h"

/* Is either part below zero? Written in parts, a duration may be any two numbers. */
bool duration_is_negative(const Google__Protobuf__Duration *duration);
/* Of one that is not negative; cut down to whole milliseconds, and to 10,000 years. */
uint64_t duration_ms(const Google__Protobuf__Duration *duration);
