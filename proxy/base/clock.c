/* Reading the two clocks of the system. Not for timers: those belong to the event loop. */
#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec t = {0, 0};

	/* Cannot fail for the two clocks that are asked for here. */
	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	int64_t us = read_us(CLOCK_MONOTONIC);

	return us != 0 ? us : 1;
}

int64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}
