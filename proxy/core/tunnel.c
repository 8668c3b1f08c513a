/* See tunnel.h. */
#include "core/tunnel.h"

#include "base/mem.h"
#include "net/clienthello.h"

#include <string.h>

void tunnel_init(struct tunnel *t, struct tunnel_facts *facts)
{
	*t = (struct tunnel){.facts = facts};
}

static bool tunnel_judge(struct tunnel *t, const unsigned char *bytes, size_t n)
{
	enum hello_verdict verdict = clienthello_parse(bytes, n, &t->facts->hello);

	if (verdict == HELLO_MORE)
		return false;
	t->facts->has_hello = verdict == HELLO_DONE;
	t->is_peek_over = true;
	return true;
}

void tunnel_peek(struct tunnel *t, struct str piece)
{
	if (t->is_peek_over)
		return;
	/* Most hellos come in one piece: then nothing is copied. */
	if (t->seen_n == 0 && tunnel_judge(t, (const unsigned char *)piece.p, piece.len))
		return;
	if (piece.len > HELLO_MAX_BYTES - t->seen_n) {
		t->is_peek_over = true;
		tunnel_fini(t);
		return;
	}
	t->seen = mem_realloc(t->seen, t->seen_n + piece.len);
	memcpy(t->seen + t->seen_n, piece.p, piece.len);
	t->seen_n += piece.len;
	if (tunnel_judge(t, t->seen, t->seen_n))
		tunnel_fini(t);
}

void tunnel_fini(struct tunnel *t)
{
	mem_free(t->seen);
	t->seen = NULL;
	t->seen_n = 0;
}
