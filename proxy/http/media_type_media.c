/* Signatures that are more than bytes at a place: MP4, WebM, MP3 without ID3 (WHATWG MIME Sniffing, sections 6.2.1 to
 * 6.2.3). */
#include "http/media_type_part.h"

#include <stdint.h>

static uint32_t byte_at(struct str s, size_t i)
{
	return (unsigned char)s.p[i];
}

static bool has_at(struct str s, size_t at, struct str bytes)
{
	return at <= s.len && str_starts(str_from(s, at), bytes);
}

/* The box of file type comes first, and names "mp4" as a brand. Bytes 12 to 15 are the version of the major one. */
static bool is_mp4(struct str s)
{
	uint32_t box;

	if (s.len < 12)
		return false;
	box = byte_at(s, 0) << 24 | byte_at(s, 1) << 16 | byte_at(s, 2) << 8 | byte_at(s, 3);
	if (s.len < box || box % 4 != 0 || !has_at(s, 4, STR("ftyp")))
		return false;
	if (has_at(s, 8, STR("mp4")))
		return true;
	for (size_t at = 16; at < box; at += 4) {
		if (has_at(s, at, STR("mp4")))
			return true;
	}
	return false;
}

/* The bytes of an EBML number, by the zero bits that it begins with. */
static size_t number_length(uint32_t first)
{
	size_t n = 1;

	for (uint32_t mask = 0x80; n < 8 && !(first & mask); mask >>= 1)
		n++;
	return n;
}

/* An EBML head whose document type (0x4282) is "webm". Zeros may stand in front of the word. */
static bool is_webm(struct str s)
{
	enum { SEARCHED_BYTES = 38 };

	if (!has_at(s, 0, STR("\x1a\x45\xdf\xa3")))
		return false;
	for (size_t i = 4; i < s.len && i < SEARCHED_BYTES; i++) {
		size_t at = i + 2;

		if (!has_at(s, i, STR("\x42\x82")) || at >= s.len)
			continue;
		at += number_length(byte_at(s, at));
		while (at < s.len && s.p[at] == '\0')
			at++;
		if (has_at(s, at, STR("webm")))
			return true;
	}
	return false;
}

/* The bytes of the frame whose head begins at that place; 0 if none of layer 3 does. The standard has the rates of the first
 * version only and mixes up versions 2 and 2.5; here they are as ISO/IEC 11172-3 and 13818-3 have them. */
static size_t mp3_frame_bytes(struct str s, size_t at)
{
	static const unsigned short kbits_1[] = {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
	static const unsigned short kbits_2[] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
	static const unsigned hertz[] = {44100, 48000, 32000};
	enum { VERSION_2_5 = 0, VERSION_NONE = 1, VERSION_2 = 2, LAYER_3 = 1, RATE_NONE = 15, HERTZ_NONE = 3 };
	uint32_t version, rate, frequency, padding, kbits;

	if (at > s.len || s.len - at < 4 || byte_at(s, at) != 0xff || (byte_at(s, at + 1) & 0xe0) != 0xe0)
		return 0;
	version = byte_at(s, at + 1) >> 3 & 3;
	rate = byte_at(s, at + 2) >> 4;
	frequency = byte_at(s, at + 2) >> 2 & 3;
	padding = byte_at(s, at + 2) >> 1 & 1;
	if (version == VERSION_NONE || (byte_at(s, at + 1) >> 1 & 3) != LAYER_3 || rate == RATE_NONE || frequency == HERTZ_NONE)
		return 0;
	if (version == 3)
		return 144000U * kbits_1[rate] / hertz[frequency] + padding;
	kbits = kbits_2[rate];
	return 72000U * kbits / (hertz[frequency] / (version == VERSION_2 ? 2 : 4)) + padding;
}

/* One head alone is found in any noise: a second one must follow where the first frame ends. */
static bool is_mp3(struct str s)
{
	size_t n = mp3_frame_bytes(s, 0);

	return n >= 4 && mp3_frame_bytes(s, n) > 0;
}

const char *media_type_sniff_media(struct str s)
{
	if (is_mp4(s))
		return "video/mp4";
	if (is_webm(s))
		return "video/webm";
	return is_mp3(s) ? "audio/mpeg" : NULL;
}
