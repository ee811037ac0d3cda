/* The clocks, and the event loop's intervals, in microseconds. */
#pragma once

#include <stdint.h>
#include <sys/time.h>

uint64_t clock_us(void);      /* for intervals: it never goes back */
uint64_t clock_wall_us(void); /* since 1970 */

struct timeval clock_interval(uint64_t us);
