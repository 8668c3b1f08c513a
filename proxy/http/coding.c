/* The chain of decoders that undoes a list of content codings, and the limits on what it may make. Not for: the codings
 * themselves (coding_gzip.c, coding_brotli.c, coding_zstd.c). RFC 9110 section 8.4. */
#include "http/coding.h"

#include "base/mem.h"
#include "http/coding_part.h"

#include <string.h>

enum {
	PIECE_BYTES = 32 * 1024,
	FREE_BYTES = 1024 * 1024, /* of output, for which no ratio is asked */
	WINDOW_BYTES = 16 * 1024 * 1024
};

/* One coding to undo. */
struct stage {
	const struct decoder_kind *kind;
	void *decoder;
	uint64_t made_bytes;
	char *piece; /* PIECE_BYTES */
	bool has_input;
	bool is_over; /* its stream is complete: it takes no more */
};

struct coding {
	struct coding_limits limits;
	bool (*take)(void *owner, struct str piece);
	void *owner;
	uint64_t taken_bytes; /* of the input, by the first stage */
	struct stage stages[CODING_MAX_STACK];
	size_t n;
	bool is_stopped; /* and end says why */
	enum coding_end end;
};

const char *coding_end_words(enum coding_end e)
{
	switch (e) {
	case CODING_WHOLE:
		return "whole";
	case CODING_TRUNCATED:
		return "the body was cut";
	case CODING_LIMIT:
		return "there is more than the limit allows";
	case CODING_BOMB:
		return "it grows too much for its size";
	case CODING_DAMAGED:
		return "it is damaged";
	case CODING_UNKNOWN:
		return "its coding is not known";
	}
	return "unknown";
}

void opening_fill(struct opening *o, size_t want, struct str *in)
{
	while (o->n < want && in->len > 0) {
		o->bytes[o->n++] = (unsigned char)in->p[0];
		*in = str_from(*in, 1);
	}
}

/* identity: what needs no undoing goes through a decoder too, so that its pieces and limits are the same. */
static void *copy_make(size_t max_memory)
{
	(void)max_memory;
	return mem_alloc(1);
}

static enum decode_step copy_step(void *decoder, struct str *in, struct room *out)
{
	size_t n = out->size - out->n;

	(void)decoder;
	if (n > in->len)
		n = in->len;
	if (n > 0)
		memcpy(out->p + out->n, in->p, n);
	out->n += n;
	*in = str_from(*in, n);
	return DECODE_ON;
}

static bool copy_is_whole(const void *decoder)
{
	(void)decoder;
	return true;
}

static const struct decoder_kind decoder_copy = {copy_make, copy_step, copy_is_whole, mem_free};

/* NULL: not known. */
static const struct decoder_kind *kind_of(struct str name)
{
	static const struct {
		struct str name;
		const struct decoder_kind *kind;
	} kinds[] = {
		{{"gzip", 4}, &decoder_gzip},
		{{"br", 2}, &decoder_brotli},
		{{"zstd", 4}, &decoder_zstd},
		{{"deflate", 7}, &decoder_deflate},
		{{"x-gzip", 6}, &decoder_gzip},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (str_ieq(name, kinds[i].name))
			return kinds[i].kind;
	}
	return NULL;
}

/* The next coding that has to be undone. */
static bool next_coding(struct str *codings, struct str *ret_name)
{
	struct str name;

	while (str_list_next(codings, &name)) {
		if (str_ieq(name, STR("identity")))
			continue;
		*ret_name = name;
		return true;
	}
	return false;
}

bool coding_is_identity(struct str codings)
{
	struct str name;

	return !next_coding(&codings, &name);
}

/* Finds the kinds, in the order in which they were applied. */
static bool read_codings(struct str codings, const struct decoder_kind *kinds[CODING_MAX_STACK], size_t *ret_n)
{
	size_t n = 0;
	struct str name;

	while (next_coding(&codings, &name)) {
		const struct decoder_kind *kind = kind_of(name);

		if (!kind || n == CODING_MAX_STACK)
			return false;
		kinds[n++] = kind;
	}
	if (n == 0)
		kinds[n++] = &decoder_copy;
	*ret_n = n;
	return true;
}

static void free_stages(struct coding *c)
{
	for (size_t i = 0; i < c->n; i++) {
		c->stages[i].kind->free(c->stages[i].decoder);
		mem_free(c->stages[i].piece);
	}
	mem_free(c);
}

static bool add_stage(struct coding *c, const struct decoder_kind *kind)
{
	void *decoder = kind->make(c->limits.max_memory);

	if (!decoder)
		return false;
	c->stages[c->n++] = (struct stage){.kind = kind, .decoder = decoder, .piece = mem_alloc(PIECE_BYTES)};
	return true;
}

struct coding *coding_new(struct str codings, const struct coding_limits *limits, bool (*take)(void *owner, struct str piece),
	void *owner, enum coding_end *ret_end)
{
	const struct decoder_kind *kinds[CODING_MAX_STACK] = {NULL};
	struct coding *c;
	size_t n;

	if (!read_codings(codings, kinds, &n)) {
		*ret_end = CODING_UNKNOWN;
		return NULL;
	}
	c = mem_calloc(1, sizeof(*c));
	c->limits = *limits;
	if (c->limits.max_memory == 0)
		c->limits.max_memory = WINDOW_BYTES;
	c->take = take;
	c->owner = owner;
	while (n > 0) { /* the last that was applied is the first to be undone */
		if (!add_stage(c, kinds[--n])) {
			free_stages(c);
			*ret_end = CODING_LIMIT;
			return NULL;
		}
	}
	return c;
}

static bool stop(struct coding *c, enum coding_end end)
{
	c->is_stopped = true;
	c->end = end;
	return false;
}

/* The most that a stage may make. What one in between makes is compressed still, and so not much more than what will come of
 * it; if it is, it is made up of members without content. */
static uint64_t size_limit(const struct coding *c, size_t i)
{
	uint64_t max = c->limits.max_bytes, slack = max / 8 + FREE_BYTES;

	if (i + 1 == c->n)
		return max;
	return max <= UINT64_MAX - slack ? max + slack : UINT64_MAX;
}

/* The most that a stage may make of the input taken so far. */
static uint64_t ratio_limit(const struct coding *c)
{
	unsigned ratio = c->limits.max_ratio;
	uint64_t max;

	if (ratio == 0)
		return UINT64_MAX;
	max = c->taken_bytes <= UINT64_MAX / ratio ? c->taken_bytes * ratio : UINT64_MAX;
	return max > FREE_BYTES ? max : FREE_BYTES;
}

static bool run_stage(struct coding *c, size_t i, struct str in);

/* Hands on what a stage has made, as far as the limits go. */
static bool hand_on(struct coding *c, size_t i, struct str piece)
{
	struct stage *s = &c->stages[i];
	bool is_last = i + 1 == c->n;
	uint64_t by_size = size_limit(c, i), by_ratio = ratio_limit(c);
	uint64_t limit = by_size < by_ratio ? by_size : by_ratio;
	/* The limit by ratio only grows, and what was made before was below it. */
	uint64_t room = limit > s->made_bytes ? limit - s->made_bytes : 0;
	bool is_over = piece.len > room;

	if (is_over)
		piece = str_first(piece, (size_t)room);
	s->made_bytes += piece.len;
	if (piece.len > 0 && is_last && !c->take(c->owner, piece))
		return stop(c, CODING_LIMIT);
	if (piece.len > 0 && !is_last && !run_stage(c, i + 1, piece))
		return false;
	if (is_over)
		return stop(c, is_last && limit == by_size ? CODING_LIMIT : CODING_BOMB);
	return true;
}

/* Puts input through a stage, and what comes of it through the following ones. Deep as there are stages. */
static bool run_stage(struct coding *c, size_t i, struct str in)
{
	struct stage *s = &c->stages[i];
	struct room out = {.p = s->piece, .size = PIECE_BYTES};
	enum decode_step step;

	s->has_input = s->has_input || in.len > 0;
	do {
		size_t before = in.len;

		out.n = 0;
		step = s->kind->step(s->decoder, &in, &out);
		if (i == 0)
			c->taken_bytes += before - in.len;
		if (!hand_on(c, i, (struct str){out.p, out.n}))
			return false;
		if (step == DECODE_ON && in.len > 0 && in.len == before && out.n == 0)
			step = DECODE_FAULT; /* no decoder should; it would never end */
	} while (step == DECODE_ON && (in.len > 0 || out.n == out.size));
	if (step == DECODE_ON)
		return true;
	if (step != DECODE_OVER)
		return stop(c, step == DECODE_FAULT ? CODING_DAMAGED : CODING_LIMIT);
	s->is_over = true;
	return false;
}

/* True if the last bytes of the output have come. */
static bool is_complete(const struct coding *c)
{
	for (size_t i = c->n; i-- > 0;) {
		const struct stage *s = &c->stages[i];

		if (s->is_over)
			return true; /* whatever else stood in front of it */
		if (s->has_input && !s->kind->is_whole(s->decoder))
			return false;
	}
	return true;
}

bool coding_put(struct coding *c, struct str piece)
{
	if (c->is_stopped)
		return false;
	if (piece.len == 0 || run_stage(c, 0, piece))
		return true;
	/* A fault has said so itself; else a stage is over, and there is nothing more to come. */
	if (!c->is_stopped)
		stop(c, is_complete(c) ? CODING_WHOLE : CODING_TRUNCATED);
	return false;
}

enum coding_end coding_end(struct coding *c)
{
	enum coding_end end;

	if (c->is_stopped)
		end = c->end;
	else
		end = is_complete(c) ? CODING_WHOLE : CODING_TRUNCATED;
	free_stages(c);
	return end;
}
