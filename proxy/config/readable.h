/* Whether a file that the configuration names can be read. Not for: what is in it. */
#ifndef VIADUCT_CONFIG_READABLE_H
#define VIADUCT_CONFIG_READABLE_H

#include <stdbool.h>
#include <stddef.h>

/* False, with "FILE: what is wrong" in ret_why, for what is not there, must not be read by us, or is no regular file: a FIFO or a
 * device might hold up whoever reads it. */
bool readable_check(const char *file, char *ret_why, size_t size);

#endif
