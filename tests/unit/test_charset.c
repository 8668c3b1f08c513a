/* Encodings found and decoded. */
#include "http/charset.h"

#include "base/utf8.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct text {
	char bytes[40000];
	size_t n, pieces, most_pieces; /* 0: any number */
};

static bool take(void *owner, struct str piece)
{
	struct text *t = owner;

	assert_true(piece.len > 0 && piece.len <= sizeof(t->bytes) - t->n);
	memcpy(t->bytes + t->n, piece.p, piece.len);
	t->n += piece.len;
	while (piece.len > 0) { /* no piece ends inside of a character */
		size_t n = utf8_first(piece);

		assert_true(n > 0);
		piece = str_from(piece, n);
	}
	return ++t->pieces != t->most_pieces;
}

static void is_decoded(const char *encoding, struct str from, const char *to)
{
	struct text t = {.n = 0};

	assert_true(charset_to_utf8(encoding, from, take, &t));
	if (t.n != strlen(to) || memcmp(t.bytes, to, t.n) != 0)
		fail_msg("%s: \"%.*s\", not \"%s\"", encoding, (int)t.n, t.bytes, to);
}

static void labels_are_known(void **state)
{
	static const char *const cases[][2] = {{"utf-8", "UTF-8"}, {"UTF8", "UTF-8"}, {" \tutf-8\r\n", "UTF-8"},
		{"iso-8859-1", "windows-1252"}, {"ascii", "windows-1252"}, {"US-ASCII", "windows-1252"},
		{"latin1", "windows-1252"}, {"iso-8859-9", "windows-1254"}, {"utf-16", "UTF-16LE"}, {"utf-16be", "UTF-16BE"},
		{"ISO_8859-2:1987", "ISO-8859-2"}, {"logical", "ISO-8859-8-I"}, {"gb2312", "GBK"}, {"GB18030", "gb18030"},
		{"big5-hkscs", "Big5"}, {"x-sjis", "Shift_JIS"}, {"ks_c_5601-1987", "EUC-KR"}, {"x-mac-roman", "macintosh"},
		{"koi8-ru", "KOI8-U"}, {"866", "IBM866"}, {"tis-620", "windows-874"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(charset_find(str_of(cases[i][0]), STR("abc")), cases[i][1]);
}

static void the_mark_wins_then_the_label_then_the_text(void **state)
{
	(void)state;
	assert_string_equal(charset_find(STR("koi8-r"),
				    STR("\xef\xbb\xbf"
					"a")),
		"UTF-8");
	assert_string_equal(charset_find(STR("koi8-r"),
				    STR("\xff\xfe"
					"a\0")),
		"UTF-16LE");
	assert_string_equal(charset_find(STR("koi8-r"), STR("\xfe\xff\0a")), "UTF-16BE");
	assert_string_equal(charset_find(STR("koi8-r"), STR("<meta charset=big5>")), "KOI8-R");
	assert_string_equal(charset_find(STR("nonsense"), STR("<meta charset=big5>")), "Big5");
	assert_string_equal(charset_find(STR("utf-7"), STR("a")), "UTF-8");
	assert_string_equal(charset_find(STR_NONE, STR("gr\xc3\xbc\xc3\x9f")), "UTF-8");
	assert_string_equal(charset_find(STR_NONE, STR("gr\xc3\xbc\xc3")), "UTF-8"); /* the body was cut */
	assert_string_equal(charset_find(STR_NONE, STR("\xf0\x9f\x98")), "UTF-8");
	assert_string_equal(charset_find(STR_NONE, STR("\xf0\x9f\x98 ")), "windows-1252");
	assert_string_equal(charset_find(STR_NONE,
				    STR("gr\xfc\xdf"
					"e")),
		"windows-1252");
	assert_string_equal(charset_find(STR_NONE, STR_NONE), "UTF-8");
}

static void the_text_may_say_it(void **state)
{
	static const char *const cases[][2] = {
		{"<meta charset=koi8-r>", "KOI8-R"},
		{"<!doctype html><html><head><META CHARSET='Koi8-R'/>", "KOI8-R"},
		{"<meta charset = \" koi8-r \" >", "KOI8-R"},
		{"<meta/charset=koi8-r>", "KOI8-R"},
		{"<metacharset=koi8-r>", "UTF-8"},
		{"<meta http-equiv=content-type content=\"text/html; charset=koi8-r\">", "KOI8-R"},
		{"<meta content='text/html; charset=\"koi8-r\"' http-equiv='Content-Type'>", "KOI8-R"},
		{"<meta content='charset charset = koi8-r;x' http-equiv='Content-Type'>", "KOI8-R"},
		{"<meta content='text/html; charset=koi8-r'>", "UTF-8"},
		{"<meta http-equiv=refresh content='text/html; charset=koi8-r'>", "UTF-8"},
		{"<meta name=x content=y><meta charset=koi8-r>", "KOI8-R"},
		{"<meta charset=nonsense><meta charset=koi8-r>", "KOI8-R"},
		{"<meta charset=koi8-r charset=big5>", "KOI8-R"},
		{"<meta charset=utf-16>", "UTF-8"},
		{"<!-- <meta charset=big5> --><meta charset=koi8-r>", "KOI8-R"},
		{"<!--><meta charset=koi8-r>", "KOI8-R"},
		{"<a title='<meta charset=big5>'><meta charset=koi8-r>", "KOI8-R"},
		{"</a title=\"<meta charset=big5>\"><meta charset=koi8-r>", "KOI8-R"},
		{"<?php <meta charset=koi8-r> ?>", "UTF-8"},
		{"<a b='<meta charset=koi8-r>", "UTF-8"},
		{"<meta charset=koi8-r", "KOI8-R"},
		{"<meta charset", "UTF-8"},
		{"<meta charset='koi8-r", "UTF-8"},
		{"<meta", "UTF-8"},
		{"<", "UTF-8"},
		{"<?xml version=\"1.0\" encoding=\"koi8-r\"?>", "KOI8-R"},
		{"<?xml version='1.0' encoding = 'ISO-8859-2' ?><a/>", "ISO-8859-2"},
		{"<?xml version='1.0' encoding='utf-16'?>", "UTF-8"},
		{"<?xml version='1.0'?><a encoding='koi8-r'/>", "UTF-8"},
		{"<?xml version='1.0' encoding='koi8-r'", "UTF-8"},
		{" <?xml version='1.0' encoding='koi8-r'?>", "UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *name = charset_find(STR_NONE, str_of(cases[i][0]));

		if (strcmp(name, cases[i][1]) != 0)
			fail_msg("%s: %s", cases[i][0], name);
	}
	assert_string_equal(charset_find(STR_NONE, STR("<\0?\0x\0m\0l\0")), "UTF-16LE");
	assert_string_equal(charset_find(STR_NONE, STR("\0<\0?\0x\0m\0l")), "UTF-16BE");
}

static void only_the_first_kilobyte_is_read(void **state)
{
	char page[2000];

	(void)state;
	memset(page, ' ', sizeof(page));
	memcpy(page + 1024 - 21, "<meta charset=koi8-r>", 21);
	assert_string_equal(charset_find(STR_NONE, (struct str){page, sizeof(page)}), "KOI8-R");
	memset(page, ' ', sizeof(page));
	memcpy(page + 1024, "<meta charset=koi8-r>", 21);
	assert_string_equal(charset_find(STR_NONE, (struct str){page, sizeof(page)}), "UTF-8");
}

static void utf8_is_made_valid(void **state)
{
	(void)state;
	is_decoded("UTF-8", STR(""), "");
	is_decoded("utf8", STR("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"), "aü€😀");
	is_decoded("UTF-8",
		STR("\xef\xbb\xbf\xef\xbb\xbf"
		    "a"),
		"\xef\xbb\xbf"
		"a");
	is_decoded("UTF-8",
		STR("\xff\xfe"
		    "a"),
		"��a");
	is_decoded("UTF-8", STR("\xc0\x80"), "��");
	is_decoded("UTF-8", STR("\xed\xa0\x80"), "���");
	is_decoded("UTF-8", STR("\xf4\x90\x80\x80"), "����");
	is_decoded("UTF-8",
		STR("\xe2\x82"
		    "a"),
		"�a");
	is_decoded("UTF-8",
		STR("\xf0\x9f\x98"
		    "a\xf0\x9f"),
		"�a�");
	is_decoded("UTF-8", STR("\xe2\xe2\x82\xac\x80"), "�€�");
	is_decoded("UTF-8",
		STR("\xf5\x80"
		    "a"),
		"��a");
	assert_true(charset_to_utf8("UTF-8", STR("a\0b"), take, &(struct text){.n = 0}));
}

static void utf16_is_decoded(void **state)
{
	(void)state;
	is_decoded("UTF-16LE", STR("a\0\xfc\0\xac\x20\x3d\xd8\x00\xde"), "aü€😀");
	is_decoded("UTF-16BE", STR("\0a\0\xfc\x20\xac\xd8\x3d\xde\x00"), "aü€😀");
	is_decoded("UTF-16LE",
		STR("\xff\xfe"
		    "a\0"),
		"a");
	is_decoded("UTF-16BE", STR("\xfe\xff\0a"), "a");
	is_decoded("UTF-16LE",
		STR("\xfe\xff"
		    "a\0"),
		"\xef\xbf\xbe"
		"a");
	is_decoded("utf-16", STR("a\0b"), "a�");
	is_decoded("UTF-16LE",
		STR("\x3d\xd8"
		    "a\0"),
		"�a");
	is_decoded("UTF-16LE",
		STR("\x00\xde"
		    "a\0"),
		"�a");
	is_decoded("UTF-16LE", STR("\x3d\xd8\x3d\xd8\x00\xde"), "�😀");
	is_decoded("UTF-16LE", STR("\x3d\xd8"), "�");
	is_decoded("UTF-16LE", STR("\x3d\xd8\x00"), "��");
}

static void windows_1252_is_decoded(void **state)
{
	(void)state;
	is_decoded("windows-1252",
		STR("gr\xfc\xdf"
		    "e \x80\x93\x94\x9f"),
		"grüße €“”Ÿ");
	is_decoded("iso-8859-1", STR("\x81\xa0\xff"), "\xc2\x81\xc2\xa0ÿ");
}

static const struct {
	const char *name, *iconv_name;
	const char *bytes, *text;
} others[] = {
	{"IBM866", "CP866", "\x8f\xe0\xa8\xa2\xa5\xe2", "Привет"},
	{"ISO-8859-2", NULL, "\xaelu\xbbou\xe8k\xfd k\xf9\xf2", "Žluťoučký kůň"},
	{"ISO-8859-3", NULL, "\xe6\xf8\xb6\xbc\xfe\xfd", "ĉĝĥĵŝŭ"},
	{"ISO-8859-4", NULL, "\xb1\xe8\xea\xe7\xb9\xf9\xbe", "ąčęįšųž"},
	{"ISO-8859-5", NULL, "\xbf\xe0\xd8\xd2\xd5\xe2", "Привет"},
	{"ISO-8859-6", NULL, "\xe5\xd1\xcd\xc8\xc7", "مرحبا"},
	{"ISO-8859-7", NULL, "\xc3\xe5\xe9\xdc \xf3\xef\xf5", "Γειά σου"},
	{"ISO-8859-8", NULL, "\xf9\xec\xe5\xed", "שלום"},
	{"ISO-8859-8-I", "ISO-8859-8", "\xf9\xec\xe5\xed", "שלום"},
	{"ISO-8859-10", NULL, "\xfe\xe6\xf0\xdf", "þæðß"},
	{"ISO-8859-13", NULL, "\xe0\xe8\xe6\xe1\xf0\xf8\xfe", "ąčęįšųž"},
	{"ISO-8859-14", NULL, "\xf0\xfe\xb8", "ŵŷẁ"},
	{"ISO-8859-15", NULL, "\xa4\xbd\xbe", "€œŸ"},
	{"ISO-8859-16", NULL, "\xe3\xba\xfe\xa4", "ășț€"},
	{"KOI8-R", NULL, "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
	{"KOI8-U", NULL, "\xf0\xd2\xc9\xd7\xa6\xd4 \xad", "Привіт ґ"},
	{"macintosh", NULL, "\x86n\x95\xa9", "Ünï©"},
	{"windows-874", "CP874", "\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"},
	{"windows-1250", "CP1250", "\x8elu\x9dou\xe8k\xfd", "Žluťoučký"},
	{"windows-1251", "CP1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
	{"windows-1253", "CP1253", "\xc3\xe5\xe9\xdc", "Γειά"},
	{"windows-1254", "CP1254", "\xf0\xfd\xfe\xdd", "ğışİ"},
	{"windows-1255", "CP1255", "\xf9\xec\xe5\xed", "שלום"},
	{"windows-1256", "CP1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا"},
	{"windows-1257", "CP1257", "\xe0\xe8\xe6\xe1\xf0", "ąčęįš"},
	{"windows-1258", "CP1258", "\xf0\xf5\xfd", "đơư"},
	{"x-mac-cyrillic", "MAC-CYRILLIC", "\x8f\xf0\xe8\xe2\xe5\xf2", "Привет"},
	{"GBK", "GB18030", "\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7", "你好，世界"},
	{"gb18030", NULL, "\xc4\xe3\xba\xc3\x94\x39\xfc\x36", "你好😀"},
	{"Big5", "BIG5-HKSCS", "\xa7\x41\xa6n", "你好"},
	{"EUC-JP", "EUC-JP-MS", "\xa4\xb3\xa4\xf3\xa4\xcb\xa4\xc1\xa4\xcf\xb4\xc1\xbb\xfa", "こんにちは漢字"},
	{"ISO-2022-JP", NULL, "\x1b$B4A;z\x1b(B abc", "漢字 abc"},
	{"Shift_JIS", "CP932", "\x82\xb1\x82\xf1\x82\xc9\x82\xbf\x82\xcd\\\x87@", "こんにちは\\①"},
	{"EUC-KR", "CP949", "\xbe\xc8\xb3\xe7\xc7\xcf\xbc\xbc\xbf\xe4\x8c\x63", "안녕하세요똠"},
};

/* True if this system has the module; where it has not, no more can be said than that. */
static bool has_module(size_t i)
{
	iconv_t cd = iconv_open("UTF-8", others[i].iconv_name ? others[i].iconv_name : others[i].name);

	if (cd == (iconv_t)-1)
		return false;
	iconv_close(cd);
	return true;
}

static void the_others_go_through_iconv(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct text t = {.n = 0};

		assert_string_equal(charset_find(str_of(others[i].name), STR_NONE), others[i].name);
		if (has_module(i))
			is_decoded(others[i].name, str_of(others[i].bytes), others[i].text);
		else
			assert_false(charset_to_utf8(others[i].name, str_of(others[i].bytes), take, &t));
		assert_int_equal(t.n, 0);
	}
}

static void what_is_not_known_is_said(void **state)
{
	static const char *const names[] = {
		"", "nonsense", "utf-7", "replacement", "iso-2022-cn-ext", "UTF-8//IGNORE", "utf", "utf-8 utf8", NULL};
	struct text t = {.n = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_false(charset_to_utf8(names[i], STR("a"), take, &t));
	assert_int_equal(t.n, 0);
}

static void what_is_not_valid_is_marked(void **state)
{
	struct text t = {.n = 0};

	(void)state;
	if (charset_to_utf8("Shift_JIS", STR_NONE, take, &t)) {
		is_decoded("Shift_JIS", STR("a\x82"), "a�");
		is_decoded("Shift_JIS", STR("a\x82\x01z"), "a�\x01z");
		is_decoded("Shift_JIS", STR("\xff\xff"), "��");
	}
	if (charset_to_utf8("windows-1255", STR_NONE, take, &t)) {
		is_decoded("windows-1255", STR("\xf9\xd9\xf9"), "ש�ש");
		is_decoded("windows-1255", STR("\xf9"), "ש"); /* held back until the end, for a point that may follow */
	}
	assert_int_equal(t.n, 0);
}

/* Pieces are small, and a character never is in two of them. */
static void long_texts_come_in_pieces(void **state)
{
	static const char *const names[] = {"UTF-8", "UTF-16LE", "windows-1252", "KOI8-R", "Shift_JIS"};
	char bytes[12001];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)"a\xe4\xb8\xad\xff"[i % 5];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct text all = {.n = 0}, some = {.most_pieces = 1};
		struct str from = {bytes, sizeof(bytes)};

		if (!charset_to_utf8(names[i], from, take, &all))
			continue;
		assert_true(all.pieces > 1 && all.n > sizeof(bytes) / 2);
		assert_true(charset_to_utf8(names[i], from, take, &some));
		assert_int_equal(some.pieces, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_known),
		cmocka_unit_test(the_mark_wins_then_the_label_then_the_text),
		cmocka_unit_test(the_text_may_say_it),
		cmocka_unit_test(only_the_first_kilobyte_is_read),
		cmocka_unit_test(utf8_is_made_valid),
		cmocka_unit_test(utf16_is_decoded),
		cmocka_unit_test(windows_1252_is_decoded),
		cmocka_unit_test(the_others_go_through_iconv),
		cmocka_unit_test(what_is_not_known_is_said),
		cmocka_unit_test(what_is_not_valid_is_marked),
		cmocka_unit_test(long_texts_come_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
