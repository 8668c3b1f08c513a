/* Content-Type read (WHATWG MIME Sniffing, section 4.4), and the kinds of types (section 4.6). Not for: finding a type out
 * (media_type_sniff.c). */
#include "http/media_type.h"

#include "http/param.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* A copy in lower case; empty when the arena is full. */
static struct str lower_copy(struct arena *a, struct str s)
{
	char *to = arena_alloc(a, s.len);

	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < s.len; i++)
		to[i] = lower(s.p[i]);
	return (struct str){to, s.len};
}

/* The value of a parameter has no control bytes but HTAB. */
static bool is_clean(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* The first one of a name is the one that counts. */
static void take_param(struct arena *a, const struct param *p, struct str name, struct str *value)
{
	if (!value->p && str_ieq(p->name, name) && is_clean(p->value))
		*value = param_text(a, p, PARAM_ESCAPES_ALL);
}

struct media_type media_type_parse(struct arena *a, struct str content_type)
{
	struct media_type m = {0};
	struct str all = param_trim(content_type), type = str_first(all, str_find(all, '/')), subtype, rest;
	struct param p;

	if (type.len == all.len)
		return m;
	rest = str_from(all, type.len + 1);
	subtype = param_trim_back(str_first(rest, str_find(rest, ';')));
	rest = str_from(rest, str_find(rest, ';'));
	if (!str_is_token(type) || !str_is_token(subtype))
		return m;
	m.essence = lower_copy(a, str_first(all, type.len + 1 + subtype.len));
	while (param_next(&rest, &p)) {
		take_param(a, &p, STR("charset"), &m.charset);
		take_param(a, &p, STR("boundary"), &m.boundary);
	}
	return m;
}

/* True if it is one of the names, which end with NULL. */
static bool is_one_of(struct str essence, const char *const *names)
{
	for (; *names; names++) {
		if (str_ieq(essence, str_of(*names)))
			return true;
	}
	return false;
}

bool media_type_is_json(struct str essence)
{
	static const char *const names[] = {"application/json", "text/json", "application/x-ndjson", "application/ndjson",
		"application/jsonl", "application/json-seq", NULL};

	return str_iends(essence, STR("+json")) || is_one_of(essence, names);
}

bool media_type_is_xml(struct str essence)
{
	static const char *const names[] = {"application/xml", "text/xml", "application/xml-dtd", NULL};

	return str_iends(essence, STR("+xml")) || is_one_of(essence, names);
}

bool media_type_is_text(struct str essence)
{
	static const char *const names[] = {
		"application/x-www-form-urlencoded",
		"application/javascript",
		"application/x-javascript",
		"application/ecmascript",
		"application/x-ecmascript",
		"application/graphql",
		"application/yaml",
		"application/x-yaml",
		"application/toml",
		"application/sql",
		"application/x-sh",
		"application/jwt",
		"application/pgp-signature",
		"application/x-pem-file",
		"application/pem-certificate-chain",
		"application/x-ns-proxy-autoconfig",
		"application/vnd.apple.mpegurl",
		"application/x-mpegurl",
		"message/http",
		"message/rfc822",
		NULL,
	};

	return str_istarts(essence, STR("text/")) || media_type_is_json(essence) || media_type_is_xml(essence) ||
		str_iends(essence, STR("+yaml")) || is_one_of(essence, names);
}

/* Of the families that are compressed as a rule: what is plain all the same. */
static bool is_plain(struct str essence)
{
	static const char *const names[] = {
		"image/bmp",
		"image/x-ms-bmp",
		"image/x-icon",
		"image/vnd.microsoft.icon",
		"image/tiff",
		"image/x-portable-pixmap",
		"image/vnd.adobe.photoshop",
		"audio/wave",
		"audio/wav",
		"audio/x-wav",
		"audio/vnd.wave",
		"audio/aiff",
		"audio/x-aiff",
		"audio/basic",
		"audio/l16",
		"audio/midi",
		NULL,
	};

	return media_type_is_xml(essence) || is_one_of(essence, names);
}

bool media_type_is_packed(struct str essence)
{
	static const char *const names[] = {
		"application/ogg",
		"application/zip",
		"application/gzip",
		"application/x-gzip",
		"application/zstd",
		"application/x-bzip2",
		"application/x-xz",
		"application/x-lzma",
		"application/x-compress",
		"application/x-7z-compressed",
		"application/x-rar-compressed",
		"application/vnd.rar",
		"application/java-archive",
		"application/vnd.android.package-archive",
		"application/x-debian-package",
		"application/vnd.debian.binary-package",
		"application/x-rpm",
		"application/x-chrome-extension",
		"application/font-woff",
		"font/woff",
		"font/woff2",
		NULL,
	};

	if (str_istarts(essence, STR("image/")) || str_istarts(essence, STR("audio/")) || str_istarts(essence, STR("video/")))
		return !is_plain(essence);
	return str_iends(essence, STR("+zip")) || str_iends(essence, STR("+gzip")) || str_iends(essence, STR("+zstd")) ||
		str_istarts(essence, STR("application/vnd.openxmlformats-officedocument.")) || is_one_of(essence, names);
}
