/* Types and encodings of texts. The first line is a Content-Type, the rest the body. Only valid UTF-8 comes out, of every
 * encoding; a text that is valid UTF-8 comes out as it is. */
#include "http/charset.h"

#include "base/utf8.h"
#include "http/media_type.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool take(void *owner, struct str piece)
{
	size_t *total = owner;

	require(piece.len > 0);
	*total += piece.len;
	while (piece.len > 0) {
		size_t n = utf8_first(piece);

		require(n > 0);
		piece = str_from(piece, n);
	}
	return true;
}

static bool is_utf8(struct str s)
{
	while (s.len > 0 && utf8_first(s) > 0)
		s = str_from(s, utf8_first(s));
	return s.len == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const names[] = {"UTF-8", "UTF-16LE", "UTF-16BE", "windows-1252", "windows-1255", "Shift_JIS",
		"EUC-JP", "ISO-2022-JP", "gb18030", "Big5", "EUC-KR"};
	struct str text = {(const char *)bytes, size}, field = str_first(text, str_find(text, '\n'));
	struct str body = str_from(text, field.len < size ? field.len + 1 : size);
	struct arena *a = arena_new(1 << 20);
	struct media_type type = media_type_parse(a, field);
	const char *found = charset_find(type.charset, body);
	size_t total = 0, of_utf8 = 0;

	require(found != NULL);
	require(media_type_sniff(body) != NULL);
	require(media_type_for_view(&type, body).len > 0);
	require(!media_type_is_packed(type.essence) || !media_type_is_text(type.essence));
	charset_to_utf8(found, body, take, &total);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		charset_to_utf8(names[i], body, take, &total);
	require(charset_to_utf8("UTF-8", body, take, &of_utf8));
	if (is_utf8(body) && !str_starts(body, STR("\xef\xbb\xbf")))
		require(of_utf8 == body.len);
	arena_free(a);
	return 0;
}
