/* For the tests of the HTTP/1.1 codecs: what lies in a queue, compared and taken. Include after cmocka.h. */
#ifndef VIADUCT_TESTS_H1_ASSERTS_H
#define VIADUCT_TESTS_H1_ASSERTS_H

#include "h1_wire.h"

/* A mark that a short body reaches. */
static inline struct codec_limits limits_small(void)
{
	struct codec_limits l;

	codec_limits_default(&l);
	l.buffer = 1000;
	return l;
}

#define assert_taken(queue, expected)                                                                                          \
	do {                                                                                                                   \
		char *assert_text_ = wire_take(queue);                                                                         \
		assert_string_equal(assert_text_, expected);                                                                   \
		free(assert_text_);                                                                                            \
	} while (0)
#define assert_flushed(w, expected)                                                                                            \
	do {                                                                                                                   \
		char *assert_text_ = wire_flush(w);                                                                            \
		assert_string_equal(assert_text_, expected);                                                                   \
		free(assert_text_);                                                                                            \
	} while (0)

#endif
