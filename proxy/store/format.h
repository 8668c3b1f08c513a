/* How facts look to people: sizes, durations, times, colours. */
#ifndef VIADUCT_STORE_FORMAT_H
#define VIADUCT_STORE_FORMAT_H

#include "store/text.h"

/* "0 B", "1.2 kB", "34 MB"; powers of 1000. */
void format_bytes(struct text *t, uint64_t bytes);
/* "0.4 ms", "34 ms", "1.2 s", "12 min"; "-" for a negative one. */
void format_duration(struct text *t, int64_t us);
/* "2024-05-01T12:00:00.123456Z" */
void format_time_utc(struct text *t, int64_t us);
/* "2024-05-01" in UTC, of seconds. */
void format_day_utc(struct text *t, int64_t s);
/* Local time: "14:03:22"; "05-01 14:03:22"; "2024-05-01 14:03:22"; "01/May/2024:14:03:22 +0200". */
enum time_shape { TIME_OF_DAY, TIME_SHORT, TIME_LONG, TIME_COMBINED };
void format_time_local(struct text *t, int64_t us, enum time_shape shape);

enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_CYAN, COLOUR_YELLOW, COLOUR_RED, COLOUR_DIM, COLOUR_BOLD };
/* The colour of a response status; 0 has none. */
enum colour colour_of_status(int status);
/* COLOUR_NONE writes nothing. */
void format_colour(struct text *t, enum colour c);
void format_colour_end(struct text *t, enum colour c);

#endif
