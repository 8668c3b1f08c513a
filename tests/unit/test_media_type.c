/* Content-Type read and types found out. Most of the facts are those of the web platform's tests of the MIME Sniffing
 * standard. */
#include "http/media_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_text(struct str s, const char *expected)
{
	return str_eq(s, str_of(expected));
}

static const struct {
	const char *field, *essence, *charset, *boundary;
} field_cases[] = {
	{"text/html;charset=gbk", "text/html", "gbk", ""},
	{"TEXT/HTML;CHARSET=GBK", "text/html", "GBK", ""},
	{"text/html;charset=gbk(", "text/html", "gbk(", ""},
	{"text/html;x=(;charset=gbk", "text/html", "gbk", ""},
	{"text/html;charset=gbk;charset=windows-1255", "text/html", "gbk", ""},
	{"text/html;charset =gbk", "text/html", "", ""},
	{"text/html ;charset=gbk", "text/html", "gbk", ""},
	{"  text/html; charset=gbk\t", "text/html", "gbk", ""},
	{"text/html;charset= gbk", "text/html", " gbk", ""},
	{"text/html;charset='gbk'", "text/html", "'gbk'", ""},
	{"text/html;test;charset=gbk", "text/html", "gbk", ""},
	{"text/html;test=;charset=gbk", "text/html", "gbk", ""},
	{"text/html;\";charset=gbk", "text/html", "gbk", ""},
	{"text/html ; ; charset=gbk", "text/html", "gbk", ""},
	{"text/html;;;;charset=gbk", "text/html", "gbk", ""},
	{"text/html;charset=\"gbk\"", "text/html", "gbk", ""},
	{"text/html;charset=\"gbk", "text/html", "gbk", ""},
	{"text/html;charset=gbk\"", "text/html", "gbk\"", ""},
	{"text/html;charset=\"\\ gbk\"", "text/html", " gbk", ""},
	{"text/html;charset=\"\\g\\b\\k\"", "text/html", "gbk", ""},
	{"text/html;charset=\"gbk\"x", "text/html", "gbk", ""},
	{"text/html;charset=\"gbk\\", "text/html", "gbk\\", ""},
	{"text/html;charset=\"a;b\";boundary=c", "text/html", "a;b", "c"},
	{"text/html;charset=\"\";charset=gbk", "text/html", "", ""},
	{"text/html;charset=g\001k;charset=gbk", "text/html", "gbk", ""},
	{"x/x;test=\"\\", "x/x", "", ""},
	{"x/x;test", "x/x", "", ""},
	{"multipart/form-data; boundary=----WebKitFormBoundaryAb1", "multipart/form-data", "", "----WebKitFormBoundaryAb1"},
	{"Multipart/Mixed; Boundary=\"a b/c\"; charset=x", "multipart/mixed", "x", "a b/c"},
	{"!#$%&'*+-.^_`|~09AZ/x", "!#$%&'*+-.^_`|~09az/x", "", ""},
	{"", "", "", ""},
	{"\t", "", "", ""},
	{"bogus", "", "", ""},
	{"bogus/", "", "", ""},
	{"bogus/ ", "", "", ""},
	{"bogus/bogus/;", "", "", ""},
	{"/bogus", "", "", ""},
	{"</>", "", "", ""},
	{"(/)", "", "", ""},
	{"text/html(;doesnot=matter", "", "", ""},
	{"text/ html;charset=gbk", "", "", ""},
	{"text /html;charset=gbk", "", "", ""},
	{";charset=gbk", "", "", ""},
};

static void fields_are_read(void **state)
{
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(field_cases) / sizeof(*field_cases); i++) {
		struct media_type m = media_type_parse(a, str_of(field_cases[i].field));

		if (!is_text(m.essence, field_cases[i].essence) || !is_text(m.charset, field_cases[i].charset) ||
			!is_text(m.boundary, field_cases[i].boundary))
			fail_msg("%s: \"%.*s\" \"%.*s\" \"%.*s\"", field_cases[i].field, STR_ARG(m.essence), STR_ARG(m.charset),
				STR_ARG(m.boundary));
	}
	arena_free(a);
}

static void a_full_arena_gives_nothing(void **state)
{
	struct arena *a = arena_new(4);
	struct media_type m = media_type_parse(a, STR("text/html;charset=utf-8"));

	(void)state;
	assert_int_equal(m.essence.len + m.charset.len + m.boundary.len, 0);
	arena_free(a);
}

struct sniffed {
	struct str bytes;
	const char *type;
};

#define CASE(lit, type) {{(lit), sizeof(lit) - 1}, type}

static void check_sniffed(const struct sniffed *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *type = media_type_sniff(cases[i].bytes);

		if (strcmp(type, cases[i].type) != 0)
			fail_msg("case %zu, %.*s: %s, not %s", i, STR_ARG(cases[i].bytes), type, cases[i].type);
	}
}

static void text_and_markup_are_found_out(void **state)
{
	static const struct sniffed cases[] = {
		CASE("<!DOCTYPE html>", "text/html"),
		CASE("\r\n\t <!doctype HTML public", "text/html"),
		CASE("<html>", "text/html"),
		CASE("<HEAD ", "text/html"),
		CASE("<script>", "text/html"),
		CASE("<iframe ", "text/html"),
		CASE("<h1>", "text/html"),
		CASE("<div ", "text/html"),
		CASE("<font ", "text/html"),
		CASE("<table>", "text/html"),
		CASE("<a ", "text/html"),
		CASE("<style>", "text/html"),
		CASE("<title>", "text/html"),
		CASE("<b>", "text/html"),
		CASE("<body\x20", "text/html"),
		CASE("<br>", "text/html"),
		CASE("<p>", "text/html"),
		CASE("<!-- x", "text/html"),
		CASE("<!--x", "text/plain"),
		CASE("<html", "text/plain"),
		CASE("<html\n", "text/plain"),
		CASE("<h2>", "text/plain"),
		CASE("x<html>", "text/plain"),
		CASE(" \f<?xml version", "text/xml"),
		CASE("<?XML", "text/plain"),
		CASE("%PDF-1.7\n\x01", "application/pdf"),
		CASE(" %PDF-", "text/plain"),
		CASE("%!PS-Adobe-3.0", "application/postscript"),
		CASE("\xfe\xff\0\0", "text/plain"),
		CASE("\xff\xfe\0\0", "text/plain"),
		CASE("\xef\xbb\xbf\x01", "text/plain"),
		CASE("\xfe\xff\0", "application/octet-stream"),
		CASE("", "text/plain"),
		CASE("{\"a\": 1}", "text/plain"),
		CASE("\x1b$B4A", "text/plain"),
		CASE("a\0b", "application/octet-stream"),
		CASE("\x7f\x80\xff\t\f", "text/plain"),
		CASE("a\x0b", "application/octet-stream"),
		CASE("a\x1a", "application/octet-stream"),
		CASE(".snd", "text/plain"),
	};

	(void)state;
	check_sniffed(cases, sizeof(cases) / sizeof(*cases));
}

static void images_and_archives_are_found_out(void **state)
{
	static const struct sniffed cases[] = {
		CASE("\0\0\x01\0", "image/x-icon"),
		CASE("\0\0\x02\0", "image/x-icon"),
		CASE("BM\x01\x02", "image/bmp"),
		CASE("GIF87a", "image/gif"),
		CASE("GIF89a", "image/gif"),
		CASE("GIF88a", "text/plain"),
		CASE("RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
		CASE("RIFF\x01\x02\x03\x04WEBP", "application/octet-stream"),
		CASE("\x89PNG\r\n\x1a\n", "image/png"),
		CASE("\x89PNG\r\n\x1a", "application/octet-stream"),
		CASE("\xff\xd8\xff\xe0", "image/jpeg"),
		CASE("\x1f\x8b\x08", "application/x-gzip"),
		CASE("PK\x03\x04", "application/zip"),
		CASE("Rar!\x1a\x07\0", "application/x-rar-compressed"),
		CASE("\0\x01\0\0xyz", "font/ttf"),
		CASE("OTTO\0", "font/otf"),
		CASE("ttcf\0", "font/collection"),
		CASE("wOFF\0", "font/woff"),
		CASE("wOF2\0", "font/woff2"),
		CASE("\x01.................................LP", "application/vnd.ms-fontobject"),
		CASE("\x01................................LP", "application/octet-stream"),
		CASE("\0asm\x01\0\0\0", "application/wasm"),
		CASE("\x28\xb5\x2f\xfd\0", "application/zstd"),
		CASE("7z\xbc\xaf\x27\x1c\0", "application/x-7z-compressed"),
		CASE("II*\0", "image/tiff"),
		CASE("II*", "text/plain"),
		CASE("SQLite format 3\0", "application/vnd.sqlite3"),
	};

	(void)state;
	check_sniffed(cases, sizeof(cases) / sizeof(*cases));
}

static void sound_and_film_are_found_out(void **state)
{
	static const struct sniffed cases[] = {
		CASE("FORM\0\0\0\0AIFF", "audio/aiff"),
		CASE("ID3", "audio/mpeg"),
		CASE("OggS\0", "application/ogg"),
		CASE("OggS", "text/plain"),
		CASE("MThd\0\0\0\x06", "audio/midi"),
		CASE("RIFF\0\0\0\0AVI ", "video/avi"),
		CASE("RIFF\0\0\0\0WAVE", "audio/wave"),
		CASE("\0\0\0\x10"
		     "ftypmp42\0\0\0\0",
			"video/mp4"),
		CASE("\0\0\0\x18"
		     "ftypisom\0\0\0\0isommp41",
			"video/mp4"),
		CASE("\0\0\0\x18"
		     "ftypavif\0\0\0\0avifmp42",
			"video/mp4"),
		CASE("\0\0\0\x18"
		     "ftypavif\0\0\0\0avifmif1",
			"image/avif"),
		CASE("\0\0\0\x18"
		     "ftypheic\0\0\0\0mif1heic",
			"image/heic"),
		CASE("\0\0\0\x18"
		     "ftypqt  \0\0\0\0qt  qt  ",
			"video/quicktime"),
		CASE("\0\0\0\x18"
		     "ftypiso5\0\0\0\0iso6dash",
			"video/mp4"),
		CASE("\0\0\0\x0b"
		     "ftypmp4",
			"video/mp4"),
		CASE("\xff\xff\xff\xfc"
		     "ftypmp42\0\0\0\0",
			"video/mp4"),
		CASE("\x1a\x45\xdf\xa3\x81\x42\x82\x84webm", "video/webm"),
		CASE("\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81"
		     "\x08\x42\x87\x81\x01\x42\x85\x81\x01\x42\x82\x84webm",
			"video/webm"),
		CASE("\x1a\x45\xdf\xa3\x81\x42\x82\x86\0\0webm", "video/webm"),
		CASE("\x1a\x45\xdf\xa3\x81\x42\x82\x88matroska", "video/x-matroska"),
		CASE("\x1a\x45\xdf\xa3\x42\x82", "video/x-matroska"),
		CASE("\x1a\x45\xdf\xa3\x42\x82\x01", "video/x-matroska"),
		CASE("\x1a\x45\xdf", "application/octet-stream"),
	};

	(void)state;
	check_sniffed(cases, sizeof(cases) / sizeof(*cases));
}

/* Two frames in a row: head of the first, its size, head of the second. */
static void mp3_needs_two_heads(void **state)
{
	static const struct {
		const char *head;
		size_t frame_bytes; /* 0: it is none */
	} cases[] = {
		{"\xff\xfb\x90\x64", 417},  /* version 1, 128 kbit/s, 44.1 kHz */
		{"\xff\xfb\x92\x64", 418},  /* padded */
		{"\xff\xfb\xe0\x64", 1044}, /* 320 kbit/s */
		{"\xff\xf3\x80\xc4", 208},  /* version 2, 64 kbit/s, 22.05 kHz */
		{"\xff\xe3\x48\xc4", 288},  /* version 2.5, 32 kbit/s, 8 kHz */
		{"\xff\xfd\x90\x64", 0},    /* layer 2 */
		{"\xff\xfb\xf0\x64", 0},
		{"\xff\xfb\x9c\x64", 0},
		{"\xff\xeb\x90\x64", 0}, /* no version */
		{"\xff\xfb\x00\x64", 0}, /* a rate of its own: no size */
		{"\xff\xdb\x90\x64", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char bytes[1445] = {0};
		size_t n = cases[i].frame_bytes > 0 ? cases[i].frame_bytes : 417;
		bool is_mp3 = cases[i].frame_bytes > 0;

		memcpy(bytes, cases[i].head, 4);
		assert_string_equal(media_type_sniff((struct str){bytes, sizeof(bytes)}), "application/octet-stream");
		memcpy(bytes + n, "\xff\xfb\x90\x64", 4);
		if ((strcmp(media_type_sniff((struct str){bytes, sizeof(bytes)}), "audio/mpeg") == 0) != is_mp3)
			fail_msg("case %zu", i);
		assert_string_equal(media_type_sniff((struct str){bytes, n + 3}), "application/octet-stream");
	}
}

static void only_the_first_bytes_count(void **state)
{
	char bytes[1446];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	bytes[1445] = '\0';
	assert_string_equal(media_type_sniff((struct str){bytes, 1446}), "text/plain");
	bytes[1444] = '\0';
	assert_string_equal(media_type_sniff((struct str){bytes, 1446}), "application/octet-stream");
}

static void what_says_something_is_believed(void **state)
{
	static const struct {
		const char *field;
		struct str body;
		const char *shown;
	} cases[] = {
		{"", {"<html>", 6}, "text/html"},
		{"nonsense", {"GIF89a", 6}, "image/gif"},
		{"application/octet-stream", {"GIF89a", 6}, "image/gif"},
		{"Application/Octet-Stream; x=y", {"a", 1}, "text/plain"},
		{"unknown/unknown", {"<?xml", 5}, "text/xml"},
		{"application/unknown", {"\1", 1}, "application/octet-stream"},
		{"*/*", {"%PDF-", 5}, "application/pdf"},
		{"text/plain", {"<html>", 6}, "text/plain"},
		{"text/plain", {"\x89PNG\r\n\x1a\n", 8}, "image/png"},
		{"text/plain; charset=ISO-8859-1", {"\xff\xd8\xff\0", 4}, "image/jpeg"},
		{"text/plain; charset=UTF-8", {"\1\2\3", 3}, "application/octet-stream"},
		{"text/plain; charset=utf-16", {"a\0", 2}, "text/plain"},
		{"text/plain",
			{"\xff\xfe"
			 "a\0",
				4},
			"text/plain"},
		{"text/html", {"GIF89a", 6}, "text/html"},
		{"image/png", {"GIF89a", 6}, "image/png"},
		{"application/json", {"<html>", 6}, "application/json"},
	};
	struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct media_type m = media_type_parse(a, str_of(cases[i].field));
		struct str shown = media_type_for_view(&m, cases[i].body);

		if (!is_text(shown, cases[i].shown))
			fail_msg("%s: %.*s", cases[i].field, STR_ARG(shown));
	}
	arena_free(a);
}

static void kinds_are_told_apart(void **state)
{
	static const struct {
		const char *essence;
		bool is_json, is_xml, is_text, is_packed;
	} cases[] = {
		{"application/json", true, false, true, false},
		{"text/json", true, false, true, false},
		{"application/problem+json", true, false, true, false},
		{"application/x-ndjson", true, false, true, false},
		{"application/jsonp", false, false, false, false},
		{"text/xml", false, true, true, false},
		{"application/xml", false, true, true, false},
		{"application/xhtml+xml", false, true, true, false},
		{"image/svg+xml", false, true, true, false},
		{"text/html", false, false, true, false},
		{"text/css", false, false, true, false},
		{"application/javascript", false, false, true, false},
		{"application/x-www-form-urlencoded", false, false, true, false},
		{"application/octet-stream", false, false, false, false},
		{"application/pdf", false, false, false, false},
		{"application/wasm", false, false, false, false},
		{"image/png", false, false, false, true},
		{"image/bmp", false, false, false, false},
		{"audio/mpeg", false, false, false, true},
		{"audio/wave", false, false, false, false},
		{"video/mp4", false, false, false, true},
		{"application/ogg", false, false, false, true},
		{"application/zip", false, false, false, true},
		{"application/x-gzip", false, false, false, true},
		{"application/epub+zip", false, false, false, true},
		{"font/woff2", false, false, false, true},
		{"font/ttf", false, false, false, false},
		{"", false, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str e = str_of(cases[i].essence);

		if (media_type_is_json(e) != cases[i].is_json || media_type_is_xml(e) != cases[i].is_xml ||
			media_type_is_text(e) != cases[i].is_text || media_type_is_packed(e) != cases[i].is_packed)
			fail_msg("%s", cases[i].essence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(a_full_arena_gives_nothing),
		cmocka_unit_test(text_and_markup_are_found_out),
		cmocka_unit_test(images_and_archives_are_found_out),
		cmocka_unit_test(sound_and_film_are_found_out),
		cmocka_unit_test(mp3_needs_two_heads),
		cmocka_unit_test(only_the_first_bytes_count),
		cmocka_unit_test(what_says_something_is_believed),
		cmocka_unit_test(kinds_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
