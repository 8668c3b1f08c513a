/* What is packed, what is not, and that it comes back as it was. */
#include "body_rig.h"
#include "store/body/body_pack.h"

static char bytes[BODY_PART_BYTES];

static void assert_round(struct body_packer *p, struct body_unpacker *u, struct str piece)
{
	struct str packed, back;

	assert_true(body_pack(p, piece, &packed));
	assert_true(packed.len <= piece.len - piece.len / BODY_PACK_SHARE);
	assert_true(body_unpack(u, packed, piece.len, &back));
	assert_int_equal(back.len, piece.len);
	assert_memory_equal(back.p, piece.p, piece.len);
}

static void test_text(void **state)
{
	struct body_packer *p = body_packer_new();
	struct body_unpacker *u = body_unpacker_new();

	(void)state;
	assert_round(p, u, make_text(bytes, sizeof(bytes), 1));
	assert_round(p, u, make_text(bytes, BODY_PACK_FROM_BYTES, 2));
	assert_round(p, u, make_text(bytes, 30000, 3));
	body_packer_free(p);
	body_unpacker_free(u);
}

static void test_does_not_pay(void **state)
{
	struct body_packer *p = body_packer_new();
	struct str packed = STR("untouched");

	(void)state;
	assert_false(body_pack(p, make_noise(bytes, sizeof(bytes), 1), &packed));
	assert_false(body_pack(p, make_text(bytes, BODY_PACK_FROM_BYTES - 1, 1), &packed));
	assert_false(body_pack(p, STR_NONE, &packed));
	/* Text in a fourteenth of it saves less than an eighth. */
	make_noise(bytes, sizeof(bytes), 1);
	make_text(bytes, sizeof(bytes) / 14, 1);
	assert_false(body_pack(p, (struct str){bytes, sizeof(bytes)}, &packed));
	make_text(bytes, sizeof(bytes) / 5, 1);
	assert_true(body_pack(p, (struct str){bytes, sizeof(bytes)}, &packed));
	body_packer_free(p);
}

static void test_damaged(void **state)
{
	struct body_packer *p = body_packer_new();
	struct body_unpacker *u = body_unpacker_new();
	struct str packed, back;

	(void)state;
	assert_true(body_pack(p, make_text(bytes, 5000, 1), &packed));
	assert_false(body_unpack(u, packed, 4999, &back));
	assert_false(body_unpack(u, packed, 5001, &back));
	assert_false(body_unpack(u, packed, (size_t)BODY_PART_BYTES + 1, &back));
	assert_false(body_unpack(u, str_first(packed, packed.len - 1), 5000, &back));
	assert_false(body_unpack(u, STR("no zstd at all"), 14, &back));
	assert_false(body_unpack(u, STR_NONE, 1, &back));
	body_packer_free(p);
	body_unpacker_free(u);
}

static void test_vain(void **state)
{
	(void)state;
	assert_true(body_pack_is_vain(STR("\x1f\x8b\x08...")));
	assert_true(body_pack_is_vain(STR("\x89PNG\r\n\x1a\n...")));
	assert_true(body_pack_is_vain(STR("RIFF....WEBPVP8 ")));
	assert_true(body_pack_is_vain(STR("\0\0\0\x20"
					  "ftypisom")));
	assert_false(body_pack_is_vain(STR("RIFF....WAVEfmt ")));
	assert_false(body_pack_is_vain(STR("RIFF....WEB")));
	assert_false(body_pack_is_vain(STR("<!doctype html>")));
	assert_false(body_pack_is_vain(STR("\x1f")));
	assert_false(body_pack_is_vain(STR_NONE));
}

/* What looks packed, and what did not pay in its first piece, is stored as it is throughout. */
static void test_body(void **state)
{
	static char body[3 * BODY_PART_BYTES];
	struct body_rig *r = *state;
	struct str whole = make_text(body, sizeof(body), 1);

	make_noise(body, BODY_PART_BYTES, 1);
	assert_body(r, rig_put_whole(r, 1, whole).id, whole);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM body_pieces WHERE compression IS NULL"), 3);
	memcpy(body, "\x1f\x8b\x08", 3);
	make_text(body + 3, BODY_PART_BYTES, 2);
	assert_body(r, rig_put_whole(r, 2, whole).id, whole);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM body_pieces WHERE compression IS NULL"), 6);
	assert_body(r, rig_put_whole(r, 3, str_first(whole, 30000)).id, str_first(whole, 30000));
	assert_int_equal(rig_number(r, "SELECT stored_bytes FROM bodies WHERE bytes = 30000 AND compression IS NULL"), 30000);
	make_text(body, BODY_PART_BYTES, 3);
	make_noise(body + BODY_PART_BYTES, BODY_PART_BYTES, 3);
	assert_body(r, rig_put_whole(r, 4, whole).id, whole);
	assert_int_equal(rig_number(r, "SELECT count(*) FROM body_pieces WHERE compression = 'zstd'"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_does_not_pay),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_vain), BODY_TEST(test_body)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
