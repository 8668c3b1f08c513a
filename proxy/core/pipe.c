/* See pipe.h. */
#include "core/pipe.h"

/* Shows of the first n bytes that wait in from what on_piece has not seen: the stream may not have taken all that was shown last time. */
static void pipe_show(struct pipe *p, size_t n)
{
	size_t seen = (size_t)(p->shown_bytes - p->moved_bytes);

	if (n <= seen)
		return;
	p->shown_bytes = p->moved_bytes + n;
	bufq_show(&p->from->in, seen, n - seen, p->on_piece, p->owner);
}

static bool pipe_step(struct pipe *p)
{
	size_t room = stream_room(p->to);
	size_t n = p->from->in.len < room ? p->from->in.len : room;

	if (n == 0)
		return false;
	if (p->on_piece != NULL)
		pipe_show(p, n);
	n = stream_send(p->to, &p->from->in, n);
	p->moved_bytes += n;
	return n > 0;
}

void pipe_run(struct pipe *p)
{
	bool moved = false;

	if (p->from == NULL || p->to == NULL || p->is_ended)
		return;
	while (pipe_step(p))
		moved = true;
	if (moved)
		stream_took(p->from);
	/* A stream that broke has no end: the exchange says so to the other side. */
	if (p->from->in_end && p->from->in.len == 0 && p->from->error == ERR_none) {
		p->is_ended = true;
		stream_end(p->to, p->from->head == NULL ? NULL : &p->from->head->trailers);
	}
}

bool pipe_is_blocked(const struct pipe *p)
{
	return p->from != NULL && p->to != NULL && p->from->in.len > 0 && stream_room(p->to) == 0;
}
