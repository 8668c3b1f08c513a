/* Time: a monotonic one for measuring, a wall one for records. Both in microseconds. */
#ifndef VIADUCT_BASE_CLOCK_H
#define VIADUCT_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC; never 0, so that 0 can mean "has not happened". */
int64_t clock_mono_us(void);
/* Since 1970-01-01 UTC. */
int64_t clock_wall_us(void);

#endif
