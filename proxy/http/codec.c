/* The codec interface: calls through the version's own functions. */
#include "http/codec.h"

void codec_limits_default(struct codec_limits *ret)
{
	*ret = (struct codec_limits){
		.request_line = 16 * 1024,
		.head = 64 * 1024,
		.fields = 200,
		.chunk_line = 4 * 1024,
		.chunk_extensions = 16 * 1024,
		.trailers = 8 * 1024,
		.trailer_fields = 50,
		.empty_lines = 4,
		.interim = 20,
		.buffer = 256 * 1024,
		.arena = 4 * 1024 * 1024,
	};
}

void codec_feed(struct codec *c, struct bufq *in)
{
	c->ops->feed(c, in);
}

void codec_eof(struct codec *c, enum error error)
{
	c->ops->eof(c, error);
}

void codec_flushed(struct codec *c)
{
	c->ops->flushed(c);
}

bool codec_wants_input(const struct codec *c)
{
	return c->ops->wants_input(c);
}

bool codec_is_idle(const struct codec *c)
{
	return c->ops->is_idle(c);
}

bool codec_is_done(const struct codec *c)
{
	return c->ops->is_done(c);
}

struct stream *codec_open(struct codec *c, struct arena *a)
{
	return c->ops->open(c, a);
}

void codec_expire(struct codec *c, struct bufq *in, enum error error)
{
	if (c->ops->expire)
		c->ops->expire(c, in, error);
}

void codec_free(struct codec *c)
{
	if (c)
		c->ops->free(c);
}
