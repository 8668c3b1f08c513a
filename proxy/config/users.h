/* Users and their crypt(3) hashes (man 5 crypt), from a file like htpasswd's. */
#ifndef VIADUCT_CONFIG_USERS_H
#define VIADUCT_CONFIG_USERS_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct users;
/* NULL with "FILE:LINE: what is wrong" in ret_why: unreadable, a line without colon, a doubled name, a hash that crypt(3) does
 * not know, more than 10,000 users, or readable by others (warned of, not refused). */
struct users *users_load(const char *file, char *ret_why, size_t size);
void users_free(struct users *u); /* NULL is fine */
/* Slow by intent (tens of milliseconds): never on a worker. Unknown names cost as much as known ones. Thread-safe. */
bool users_verify(const struct users *u, struct str name, struct str password);
size_t users_count(const struct users *u);

#endif
