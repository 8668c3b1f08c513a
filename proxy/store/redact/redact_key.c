/* The key of the redactor: 32 random bytes, kept as hexadecimal digits in redact.key in the data folder, so that hashes stay
 * comparable from run to run. It is written beside its place, and then linked there, which fails if another was faster:
 * nobody sees half a key, and all see the same. */
#include "base/mem.h"
#include "store/database.h"
#include "store/redact/redact_part.h"
#include "store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIGITS = 2 * REDACT_KEY_BYTES };

static char *path_in(const char *folder, const char *name)
{
	struct text t = {NULL, 0, 0};

	text_printf(&t, "%s/%s", folder, name);
	text_byte(&t, '\0');
	return t.p;
}

static bool fail(const char *path, const char *what, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "%s: %s: %s", path, what, strerror(errno));
	return false;
}

static bool parse(const char *digits, unsigned char ret_key[REDACT_KEY_BYTES])
{
	unsigned char key[REDACT_KEY_BYTES];

	for (size_t i = 0; i < REDACT_KEY_BYTES; i++) {
		int high = str_hex_digit(digits[2 * i]), low = str_hex_digit(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(ret_key, key, sizeof(key));
	return true;
}

/* False with one line, or without one: *ret_is_absent, there is no file. */
static bool read_key(const char *path, unsigned char ret_key[REDACT_KEY_BYTES], bool *ret_is_absent, char *ret_why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char digits[DIGITS + 1];
	ssize_t n;

	*ret_is_absent = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return *ret_is_absent ? false : fail(path, "the key of redaction cannot be read", ret_why, size);
	n = read(fd, digits, sizeof(digits));
	if (n < 0)
		fail(path, "the key of redaction cannot be read", ret_why, size);
	close(fd);
	if (n >= DIGITS && parse(digits, ret_key))
		return true;
	if (n >= 0)
		snprintf(ret_why, size, "%s: this is no key of redaction (%d hexadecimal digits); move it away", path,
			(int)DIGITS);
	return false;
}

static bool make_digits(char ret_digits[DIGITS + 1])
{
	unsigned char key[REDACT_KEY_BYTES];

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return false;
	for (size_t i = 0; i < sizeof(key); i++) {
		ret_digits[2 * i] = "0123456789abcdef"[key[i] >> 4];
		ret_digits[2 * i + 1] = "0123456789abcdef"[key[i] & 15];
	}
	ret_digits[DIGITS] = '\n';
	return true;
}

/* Writes a new key beside its place, mode 0600. */
static bool write_beside(char *path)
{
	int fd = mkostemp(path, O_CLOEXEC);
	char digits[DIGITS + 1];
	bool ok;

	if (fd < 0)
		return false;
	ok = make_digits(digits) && write(fd, digits, sizeof(digits)) == (ssize_t)sizeof(digits) && fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	if (!ok)
		unlink(path);
	return ok;
}

/* A key is there afterwards, whoever made it. */
static bool make_key(const char *folder, const char *path, char *ret_why, size_t size)
{
	char *beside = path_in(folder, "redact.key.XXXXXX");
	bool ok = database_make_folder(folder) && write_beside(beside);

	if (ok) {
		ok = link(beside, path) == 0 || errno == EEXIST;
		if (!ok)
			fail(path, "the key of redaction cannot be made", ret_why, size);
		unlink(beside);
	} else {
		fail(path, "the key of redaction cannot be made", ret_why, size);
	}
	mem_free(beside);
	return ok;
}

bool redact_key_load(const char *folder, unsigned char ret_key[REDACT_KEY_BYTES], char *ret_why, size_t size)
{
	char *path = path_in(folder, "redact.key");
	bool is_absent;
	bool ok = read_key(path, ret_key, &is_absent, ret_why, size);

	if (!ok && is_absent && make_key(folder, path, ret_why, size)) {
		ok = read_key(path, ret_key, &is_absent, ret_why, size);
		if (!ok && is_absent)
			snprintf(ret_why, size, "%s: the key of redaction was taken away", path);
	}
	mem_free(path);
	return ok;
}
