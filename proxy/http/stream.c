/* The stream interface: calls through the provider's own functions. */
#include "http/stream.h"

void stream_send_head(struct stream *s, const struct message *m, const struct body_plan *plan)
{
	s->ops->send_head(s, m, plan);
}

void stream_send_interim(struct stream *s, const struct message *m)
{
	s->ops->send_interim(s, m);
}

size_t stream_room(const struct stream *s)
{
	return s->ops->room(s);
}

size_t stream_send(struct stream *s, struct bufq *from, size_t max)
{
	return s->ops->send(s, from, max);
}

void stream_end(struct stream *s, const struct fields *trailers)
{
	s->ops->end(s, trailers);
}

void stream_took(struct stream *s)
{
	s->ops->took(s);
}

void stream_make_raw(struct stream *s)
{
	s->ops->make_raw(s);
}

void stream_close(struct stream *s, bool abort)
{
	s->ops->close(s, abort);
}
