/* The type of a body by its first bytes: WHATWG MIME Sniffing, sections 5 to 7. What is behind the tables, for formats that
 * come after them, cannot take anything from them. Not for: signatures with a structure (media_type_media.c). */
#include "http/media_type.h"
#include "http/media_type_part.h"

enum { LOOKED_AT_BYTES = 1445 };

/* A signature: bytes at the front, and perhaps others at a fixed place. */
struct signature {
	struct str front;
	size_t back_at;
	struct str back;
	const char *type;
};

#define BYTES(lit) {(lit), sizeof(lit) - 1}
#define NOTHING {NULL, 0}

static const struct signature printed[] = {
	{BYTES("%PDF-"), 0, NOTHING, "application/pdf"},
	{BYTES("%!PS-Adobe-"), 0, NOTHING, "application/postscript"},
};

static const struct signature images[] = {
	{BYTES("\x00\x00\x01\x00"), 0, NOTHING, "image/x-icon"},
	{BYTES("\x00\x00\x02\x00"), 0, NOTHING, "image/x-icon"},
	{BYTES("BM"), 0, NOTHING, "image/bmp"},
	{BYTES("GIF87a"), 0, NOTHING, "image/gif"},
	{BYTES("GIF89a"), 0, NOTHING, "image/gif"},
	{BYTES("RIFF"), 8, BYTES("WEBPVP"), "image/webp"},
	{BYTES("\x89PNG\r\n\x1a\n"), 0, NOTHING, "image/png"},
	{BYTES("\xff\xd8\xff"), 0, NOTHING, "image/jpeg"},
};

static const struct signature sounds[] = {
	{BYTES("FORM"), 8, BYTES("AIFF"), "audio/aiff"},
	{BYTES("ID3"), 0, NOTHING, "audio/mpeg"},
	{BYTES("OggS\x00"), 0, NOTHING, "application/ogg"},
	{BYTES("MThd\x00\x00\x00\x06"), 0, NOTHING, "audio/midi"},
	{BYTES("RIFF"), 8, BYTES("AVI "), "video/avi"},
	{BYTES("RIFF"), 8, BYTES("WAVE"), "audio/wave"},
};

static const struct signature fonts[] = {
	{NOTHING, 34, BYTES("LP"), "application/vnd.ms-fontobject"},
	{BYTES("\x00\x01\x00\x00"), 0, NOTHING, "font/ttf"},
	{BYTES("OTTO"), 0, NOTHING, "font/otf"},
	{BYTES("ttcf"), 0, NOTHING, "font/collection"},
	{BYTES("wOFF"), 0, NOTHING, "font/woff"},
	{BYTES("wOF2"), 0, NOTHING, "font/woff2"},
};

static const struct signature archives[] = {
	{BYTES("\x1f\x8b\x08"), 0, NOTHING, "application/x-gzip"},
	{BYTES("PK\x03\x04"), 0, NOTHING, "application/zip"},
	{BYTES("Rar!\x1a\x07\x00"), 0, NOTHING, "application/x-rar-compressed"},
};

/* Not of the standard: what else is met with in bodies. */
static const struct signature others[] = {
	{NOTHING, 4, BYTES("ftypavif"), "image/avif"},
	{NOTHING, 4, BYTES("ftypavis"), "image/avif"},
	{NOTHING, 4, BYTES("ftyphei"), "image/heic"},
	{NOTHING, 4, BYTES("ftypmif1"), "image/heif"},
	{NOTHING, 4, BYTES("ftypM4A"), "audio/mp4"},
	{NOTHING, 4, BYTES("ftypqt  "), "video/quicktime"},
	{NOTHING, 4, BYTES("ftyp"), "video/mp4"},
	{NOTHING, 4, BYTES("styp"), "video/mp4"},
	{BYTES("\x1a\x45\xdf\xa3"), 0, NOTHING, "video/x-matroska"},
	{BYTES("fLaC"), 0, NOTHING, "audio/flac"},
	{BYTES("II*\x00"), 0, NOTHING, "image/tiff"},
	{BYTES("MM\x00*"), 0, NOTHING, "image/tiff"},
	{BYTES("\x00\x00\x00\x0cJXL \r\n\x87\n"), 0, NOTHING, "image/jxl"},
	{BYTES("\x00"
	       "asm"),
		0, NOTHING, "application/wasm"},
	{BYTES("\x28\xb5\x2f\xfd"), 0, NOTHING, "application/zstd"},
	{BYTES("BZh"), 0, NOTHING, "application/x-bzip2"},
	{BYTES("\xfd"
	       "7zXZ\x00"),
		0, NOTHING, "application/x-xz"},
	{BYTES("7z\xbc\xaf\x27\x1c"), 0, NOTHING, "application/x-7z-compressed"},
	{BYTES("Rar!\x1a\x07\x01\x00"), 0, NOTHING, "application/x-rar-compressed"},
	{BYTES("SQLite format 3\x00"), 0, NOTHING, "application/vnd.sqlite3"},
};

static const char *find(struct str s, const struct signature *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_starts(s, v[i].front) && s.len >= v[i].back_at && str_starts(str_from(s, v[i].back_at), v[i].back))
			return v[i].type;
	}
	return NULL;
}

#define FIND(s, table) find(s, table, sizeof(table) / sizeof(*(table)))

/* What the standard calls a white space byte. */
static bool is_space(char c)
{
	return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

/* Section 7.1, first table: HTML by the tag that it begins with, and XML. */
static const char *sniff_markup(struct str s)
{
	static const char *const tags[] = {"<!DOCTYPE HTML", "<HTML", "<HEAD", "<SCRIPT", "<IFRAME", "<H1", "<DIV", "<FONT",
		"<TABLE", "<A", "<STYLE", "<TITLE", "<B", "<BODY", "<BR", "<P", "<!--"};

	while (s.len > 0 && is_space(s.p[0]))
		s = str_from(s, 1);
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		struct str tag = str_of(tags[i]);

		if (str_istarts(s, tag) && s.len > tag.len && (s.p[tag.len] == ' ' || s.p[tag.len] == '>'))
			return "text/html";
	}
	return str_starts(s, STR("<?xml")) ? "text/xml" : NULL;
}

/* The tables ask for a fourth byte; section 7.2 does not. */
static bool has_byte_order_mark(struct str s)
{
	return str_starts(s, STR("\xfe\xff")) || str_starts(s, STR("\xff\xfe")) || str_starts(s, STR("\xef\xbb\xbf"));
}

/* Section 3: the control bytes that are in no text. ESC is: ISO-2022 needs it. */
static bool is_binary(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x08 || c == 0x0b || (c >= 0x0e && c <= 0x1a) || (c >= 0x1c && c <= 0x1f))
			return true;
	}
	return false;
}

static struct str looked_at(struct str s)
{
	return s.len > LOOKED_AT_BYTES ? str_first(s, LOOKED_AT_BYTES) : s;
}

/* Sections 6.1 to 6.4. Fonts are sniffed there where one is expected only; their marks are in no other format. */
static const char *sniff_binary(struct str s)
{
	const char *type = FIND(s, images);

	if (!type)
		type = FIND(s, sounds);
	if (!type)
		type = media_type_sniff_media(s);
	if (!type)
		type = FIND(s, archives);
	if (!type && is_binary(s))
		type = FIND(s, fonts);
	return type;
}

const char *media_type_sniff(struct str first_bytes)
{
	struct str s = looked_at(first_bytes);
	const char *type = sniff_markup(s);

	if (!type)
		type = FIND(s, printed);
	if (!type && has_byte_order_mark(s) && s.len >= 4)
		return "text/plain";
	if (!type)
		type = sniff_binary(s);
	if (!type && !is_binary(s))
		return "text/plain";
	if (!type)
		type = FIND(s, others);
	return type ? type : "application/octet-stream";
}

/* True if the field says nothing about the body. */
static bool is_void(struct str essence)
{
	static const char *const names[] = {
		"", "application/octet-stream", "binary/octet-stream", "unknown/unknown", "application/unknown", "*/*"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (str_ieq(essence, str_of(names[i])))
			return true;
	}
	return false;
}

/* What servers of old put on every file that they did not know (section 5.1). */
static bool is_old_default(const struct media_type *t)
{
	return str_ieq(t->essence, STR("text/plain")) &&
		(t->charset.len == 0 || str_ieq(t->charset, STR("iso-8859-1")) || str_ieq(t->charset, STR("utf-8")));
}

struct str media_type_for_view(const struct media_type *given, struct str first_bytes)
{
	struct str s = looked_at(first_bytes);

	if (is_void(given->essence))
		return str_of(media_type_sniff(s));
	if (is_old_default(given) && !has_byte_order_mark(s) && is_binary(s))
		return str_of(media_type_sniff(s));
	return given->essence;
}
