/* Packing pieces of bodies with zstd (RFC 8878). Not for deciding which bodies are tried again after a piece did not pay:
 * body_book.c. */
#include "store/body/body_pack.h"

#include "base/mem.h"
#include "capture/record.h"

#include <zstd.h>

enum { LEVEL = 1 };

const char body_pack_name[] = "zstd";

struct body_packer {
	ZSTD_CCtx *zstd; /* NULL: there was no memory for it, so nothing is packed */
	char packed[BODY_PART_BYTES];
};

struct body_unpacker {
	ZSTD_DCtx *zstd; /* NULL: there was no memory for it */
	char piece[BODY_PART_BYTES];
};

/* Where in a file its format shows. */
struct magic {
	size_t at;
	struct str bytes;
};

static const struct magic magics[] = {
	{0, STR("\x1f\x8b\x08")},     /* gzip */
	{0, STR("\x28\xb5\x2f\xfd")}, /* zstd */
	{0, STR("PK\x03\x04")},       /* zip, and the office and Java formats in it */
	{0, STR("BZh")},              /* bzip2 */
	{0,
		STR("\xfd"
		    "7zXZ\0")},         /* xz */
	{0, STR("7z\xbc\xaf\x27\x1c")}, /* 7-Zip */
	{0, STR("Rar!\x1a\x07")},       /* RAR */
	{0, STR("\x89PNG\r\n\x1a\n")},  /* PNG */
	{0, STR("\xff\xd8\xff")},       /* JPEG */
	{0, STR("GIF8")},               /* GIF */
	{8, STR("WEBP")},               /* WebP, in RIFF */
	{4, STR("ftyp")},               /* MP4, AVIF, HEIC */
	{4, STR("moof")},               /* a fragment of an MP4 stream */
	{4, STR("styp")},               /* the same */
	{0, STR("\x1a\x45\xdf\xa3")},   /* Matroska, WebM */
	{0, STR("OggS")},               /* Ogg */
	{0, STR("ID3")},                /* MP3 */
	{0, STR("fLaC")},               /* FLAC */
	{0, STR("wOFF")},               /* fonts for the web */
	{0, STR("wOF2")},
};

bool body_pack_is_vain(struct str begin)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (begin.len >= magics[i].at && str_starts(str_from(begin, magics[i].at), magics[i].bytes))
			return true;
	}
	return false;
}

struct body_packer *body_packer_new(void)
{
	struct body_packer *p = mem_alloc(sizeof(*p));

	p->zstd = ZSTD_createCCtx();
	return p;
}

void body_packer_free(struct body_packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->zstd);
	mem_free(p);
}

bool body_pack(struct body_packer *p, struct str piece, struct str *ret)
{
	size_t room = piece.len - piece.len / BODY_PACK_SHARE;
	size_t n;

	if (!p->zstd || piece.len < BODY_PACK_FROM_BYTES || room > sizeof(p->packed))
		return false;
	n = ZSTD_compressCCtx(p->zstd, p->packed, room, piece.p, piece.len, LEVEL);
	if (ZSTD_isError(n))
		return false;
	*ret = (struct str){p->packed, n};
	return true;
}

struct body_unpacker *body_unpacker_new(void)
{
	struct body_unpacker *u = mem_alloc(sizeof(*u));

	u->zstd = ZSTD_createDCtx();
	return u;
}

void body_unpacker_free(struct body_unpacker *u)
{
	if (!u)
		return;
	ZSTD_freeDCtx(u->zstd);
	mem_free(u);
}

bool body_unpack(struct body_unpacker *u, struct str packed, size_t bytes, struct str *ret)
{
	if (!u->zstd || bytes > sizeof(u->piece) ||
		ZSTD_decompressDCtx(u->zstd, u->piece, bytes, packed.p, packed.len) != bytes)
		return false;
	*ret = (struct str){u->piece, bytes};
	return true;
}
