/* Content codings undone, from whatever bytes. The first byte picks the codings, the second the size of pieces. Output keeps
 * to its limit and to pieces of 32 KiB; fed whole and in pieces the same comes out, but that a fault may swallow what was
 * not handed out yet. */
#include "http/coding.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MAX_BYTES = 256 * 1024 };

static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "gzip, gzip", "br, gzip", "zstd, gzip", "gzip, zstd",
	"deflate, br", "zstd, br", "gzip,deflate,br,zstd", "identity"};

static void require(bool holds)
{
	if (!holds)
		abort();
}

struct output {
	char bytes[MAX_BYTES];
	size_t n;
};

static bool take(void *owner, struct str piece)
{
	struct output *o = owner;

	require(piece.len > 0 && piece.len <= 32 * 1024 && piece.len <= sizeof(o->bytes) - o->n);
	memcpy(o->bytes + o->n, piece.p, piece.len);
	o->n += piece.len;
	return true;
}

static enum coding_end run(const char *list, struct str in, size_t piece, const struct coding_limits *limits, struct output *to)
{
	enum coding_end end;
	struct coding *c = coding_new(str_of(list), limits, take, to, &end);
	bool is_wanted = true;

	to->n = 0;
	require(c != NULL);
	while (in.len > 0 && is_wanted) {
		size_t n = piece < in.len ? piece : in.len;

		is_wanted = coding_put(c, str_first(in, n));
		in = str_from(in, n);
	}
	return coding_end(c);
}

/* A decoder gave up: for the input, or since it would have needed more memory. */
static bool is_fault(enum coding_end end, const struct output *o)
{
	return end == CODING_DAMAGED || (end == CODING_LIMIT && o->n < MAX_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct output whole, parts;
	const struct coding_limits wide = {.max_bytes = MAX_BYTES, .max_memory = 1 << 20};
	const struct coding_limits tight = {.max_bytes = 1000, .max_ratio = 3, .max_memory = 1};
	const char *list;
	struct str in;
	enum coding_end a, b;

	if (size < 2)
		return 0;
	list = codings[bytes[0] % (sizeof(codings) / sizeof(*codings))];
	in = (struct str){(const char *)bytes + 2, size - 2};
	a = run(list, in, in.len, &wide, &whole);
	b = run(list, in, 1 + bytes[1] % 64, &wide, &parts);
	require(memcmp(whole.bytes, parts.bytes, whole.n < parts.n ? whole.n : parts.n) == 0);
	if (!is_fault(a, &whole) && !is_fault(b, &parts))
		require(a == b && whole.n == parts.n);
	require((a != CODING_LIMIT && a != CODING_BOMB) || in.len > 0);
	run(list, in, in.len, &tight, &whole);
	require(whole.n <= 1000);
	return 0;
}
