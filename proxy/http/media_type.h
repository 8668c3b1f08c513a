/* Media types: Content-Type parsed (RFC 9110 section 8.3, as the WHATWG MIME Sniffing standard reads it), and found out from
 * the first bytes of a body where the field does not say. Pure. */
#ifndef VIADUCT_HTTP_MEDIA_TYPE_H
#define VIADUCT_HTTP_MEDIA_TYPE_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

struct media_type {
	struct str essence;  /* "text/html", lower case; empty: none was given, or it cannot be read */
	struct str charset;  /* the parameter, unquoted; may be empty */
	struct str boundary; /* of multipart; may be empty */
};

/* The strings are in the arena, or empty. */
struct media_type media_type_parse(struct arena *a, struct str content_type);
/* The type by the WHATWG tables (sections 6 and 7: images, audio and video, fonts, archives, HTML, XML, PDF, PostScript,
 * text or binary), from the first bytes (at most 1,445 are looked at) of a body without coding. What these tables take for
 * unknown binary is looked up in one of some more formats. Static text. */
const char *media_type_sniff(struct str first_bytes);
/* What a body is to be shown as: the type that is given, unless there is none, or it is one of those that say nothing:
 * application/octet-stream, unknown/unknown, any slash any, text/plain of old servers where the body is binary; then the
 * sniffed one. Static text or of the type. */
struct str media_type_for_view(const struct media_type *given, struct str first_bytes);
/* Kinds. */
bool media_type_is_json(struct str essence); /* application/json, text/json, +json, also application/x-ndjson */
bool media_type_is_xml(struct str essence);
bool media_type_is_text(struct str essence); /* to be shown as text: text, JSON, XML, JavaScript, forms … */
/* Images, audio, video, archives, web fonts: compressed as they are, so that it does not pay to do so again. Not those of them
 * that are kept plain (SVG, BMP, WAVE, TrueType …), nor WebAssembly, which shrinks to a half. */
bool media_type_is_packed(struct str essence);

#endif
