/* For the tests of codings: what the libraries that make them make, and a taker that looks at each piece. */
#ifndef VIADUCT_TESTS_CODING_RIG_H
#define VIADUCT_TESTS_CODING_RIG_H

#include "http/coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <brotli/encode.h>
#include <cmocka.h>
#include <malloc.h>
#include <zlib.h>
#include <zstd.h>

enum { RIG_GZIP = 15 + 16, RIG_ZLIB = 15, RIG_RAW = -15 };

struct bytes {
	char *p;
	size_t n;
};

static inline struct bytes bytes_of(const char *p, size_t n)
{
	struct bytes b = {test_malloc(n + 1), n};

	memcpy(b.p, p, n);
	return b;
}

static inline struct str bytes_str(struct bytes b)
{
	return (struct str){b.p, b.n};
}

static inline struct bytes bytes_join(struct bytes a, struct bytes b)
{
	struct bytes all = {test_malloc(a.n + b.n + 1), a.n + b.n};

	memcpy(all.p, a.p, a.n);
	memcpy(all.p + a.n, b.p, b.n);
	test_free(a.p);
	test_free(b.p);
	return all;
}

/* Text that can be packed, but not too well. */
static inline struct bytes bytes_text(size_t n)
{
	struct bytes b = {test_malloc(n + 1), n};
	uint32_t seed = 1;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		b.p[i] = (char)("etaoin shrdlu\n<>"[seed >> 28]);
	}
	return b;
}

/* Bytes that cannot be packed. */
static inline struct bytes bytes_noise(size_t n)
{
	struct bytes b = {test_malloc(n + 1), n};
	uint32_t seed = 7;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		b.p[i] = (char)(seed >> 24);
	}
	return b;
}

static inline struct bytes bytes_zeros(size_t n)
{
	return (struct bytes){test_calloc(1, n + 1), n};
}

static inline struct bytes pack_zlib(struct bytes from, int window_bits)
{
	z_stream z = {0};
	struct bytes to;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	to.n = deflateBound(&z, from.n);
	to.p = test_malloc(to.n + 1);
	z.next_in = (unsigned char *)from.p;
	z.avail_in = (unsigned)from.n;
	z.next_out = (unsigned char *)to.p;
	z.avail_out = (unsigned)to.n;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	to.n -= z.avail_out;
	deflateEnd(&z);
	return to;
}

static inline struct bytes pack_brotli(struct bytes from, int window_log)
{
	struct bytes to = {NULL, BrotliEncoderMaxCompressedSize(from.n) + 16};

	to.p = test_malloc(to.n + 1);
	assert_true(BrotliEncoderCompress(2, window_log, BROTLI_MODE_GENERIC, from.n, (const uint8_t *)from.p, &to.n,
		(uint8_t *)to.p));
	return to;
}

static inline struct bytes pack_zstd(struct bytes from)
{
	struct bytes to = {NULL, ZSTD_compressBound(from.n)};

	to.p = test_malloc(to.n + 1);
	to.n = ZSTD_compress(to.p, to.n, from.p, from.n, 3);
	assert_false(ZSTD_isError(to.n));
	return to;
}

/* Packs what is given, and frees it. */
static inline struct bytes pack(struct str coding, struct bytes from)
{
	struct bytes to;

	if (str_ieq(coding, STR("gzip")) || str_ieq(coding, STR("x-gzip")))
		to = pack_zlib(from, RIG_GZIP);
	else if (str_ieq(coding, STR("deflate")))
		to = pack_zlib(from, RIG_ZLIB);
	else if (str_ieq(coding, STR("raw")))
		to = pack_zlib(from, RIG_RAW);
	else if (str_ieq(coding, STR("br")))
		to = pack_brotli(from, 22);
	else if (str_ieq(coding, STR("zstd")))
		to = pack_zstd(from);
	else
		return from;
	test_free(from.p);
	return to;
}

static inline struct bytes pack_all(struct str codings, struct bytes from)
{
	struct str coding;

	while (str_list_next(&codings, &coding))
		from = pack(coding, from);
	return from;
}

/* What came out. */
struct taken {
	struct str expected; /* what comes must be its front; p NULL: anything may come */
	uint64_t n, enough;  /* enough: take says so once there are so many bytes; 0: never */
	size_t most_memory;
};

static inline size_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static inline bool rig_take(void *owner, struct str piece)
{
	struct taken *t = owner;
	size_t memory = memory_in_use();

	assert_in_range(piece.len, 1, 32 * 1024);
	if (t->expected.p) {
		assert_true(piece.len <= t->expected.len - t->n);
		assert_memory_equal(t->expected.p + t->n, piece.p, piece.len);
	}
	t->n += piece.len;
	if (memory > t->most_memory)
		t->most_memory = memory;
	return t->enough == 0 || t->n < t->enough;
}

static inline const struct coding_limits *limits_wide(void)
{
	static const struct coding_limits wide = {.max_bytes = 1 << 30};

	return &wide;
}

/* Feeds in pieces; 0: whole. What is put after a refusal must be refused too. */
static inline enum coding_end undo(const char *codings, struct str in, size_t piece, const struct coding_limits *limits,
	struct taken *to)
{
	enum coding_end end = CODING_WHOLE;
	struct coding *c = coding_new(str_of(codings), limits, rig_take, to, &end);
	bool is_wanted = true;

	if (!c)
		return end;
	while (in.len > 0) {
		size_t n = piece > 0 && piece < in.len ? piece : in.len;
		bool was_wanted = is_wanted;

		is_wanted = coding_put(c, str_first(in, n));
		assert_true(was_wanted || !is_wanted);
		in = str_from(in, n);
	}
	return coding_end(c);
}

#endif
