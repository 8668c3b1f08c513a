/* The bundle: the roots of the system and ours, from files of several kinds. */
#include "pki/ca_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ca_files_rig.h"
#include "pki_rig.h"

struct fixture {
	struct files_rig files;
	struct ca *ca;
	struct signer roots[2];
	char roots_file[96];
};

static int set_up(void **state)
{
	struct fixture *f = mem_calloc(1, sizeof(*f));
	struct signer_spec one = RIG_CA("one"), two = RIG_CA("two");

	*state = f;
	if (!files_init(&f->files) || (f->ca = files_need(&f->files)) == NULL)
		return -1;
	f->roots[0] = signer_new(&one, NULL);
	f->roots[1] = signer_new(&two, NULL);
	snprintf(f->roots_file, sizeof(f->roots_file), "%s/roots.pem", f->files.data);
	return setenv("SSL_CERT_FILE", f->roots_file, 1);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unsetenv("SSL_CERT_FILE");
	ca_unref(f->ca);
	signer_free(&f->roots[0]);
	signer_free(&f->roots[1]);
	files_fini(&f->files);
	mem_free(f);
	return 0;
}

/* Both roots with words between them, as systems have them; ours too where it is installed. */
static void write_roots(struct fixture *f, bool with_ours)
{
	char text[RIG_TEXT_BYTES] = "# one\n";

	text_add_certificate(text, f->roots[0].certificate);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "\n# two: \xc3\xa9\n%s", with_ours ? ca_pem(f->ca).p : "");
	text_add_certificate(text, f->roots[1].certificate);
	assert_true(file_write(f->roots_file, text, 0644));
}

/* The certificates of a bundle, in order. */
static STACK_OF(X509) * bundle_of(struct fixture *f)
{
	char *path = ca_files_bundle(&f->files.place, f->ca, f->files.why, sizeof(f->files.why)), expected[FILES_PATH_BYTES];
	STACK_OF(X509) *list = sk_X509_new_null();
	X509 *certificate;
	BIO *bio;

	if (path == NULL)
		fail_msg("%s", f->files.why);
	assert_string_equal(path, files_path(&f->files, "bundle.pem", expected));
	bio = BIO_new_file(path, "r");
	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		sk_X509_push(list, certificate);
	BIO_free(bio);
	mem_free(path);
	ERR_clear_error();
	return list;
}

static void assert_bundle(struct fixture *f)
{
	STACK_OF(X509) *list = bundle_of(f);
	X509 *own = x509_of(ca_der(f->ca));

	assert_int_equal(sk_X509_num(list), 3);
	assert_int_equal(X509_cmp(sk_X509_value(list, 0), f->roots[0].certificate), 0);
	assert_int_equal(X509_cmp(sk_X509_value(list, 1), f->roots[1].certificate), 0);
	assert_int_equal(X509_cmp(sk_X509_value(list, 2), own), 0);
	assert_int_equal(files_mode(&f->files, "bundle.pem"), 0644);
	X509_free(own);
	sk_X509_pop_free(list, X509_free);
}

static void test_roots(void **state)
{
	struct fixture *f = *state;

	write_roots(f, false);
	assert_bundle(f);
	write_roots(f, true); /* not twice */
	assert_bundle(f);
}

/* A program that viaduct has started runs it again: the bundle does not grow. */
static void test_itself(void **state)
{
	struct fixture *f = *state;
	char path[FILES_PATH_BYTES];
	STACK_OF(X509) * list;
	X509 *own = x509_of(ca_der(f->ca));
	int n;

	write_roots(f, false);
	assert_bundle(f);
	setenv("SSL_CERT_FILE", files_path(&f->files, "bundle.pem", path), 1);
	list = bundle_of(f); /* from the roots of this system */
	n = sk_X509_num(list);
	assert_true(n > 3);
	assert_int_equal(X509_cmp(sk_X509_value(list, n - 1), own), 0);
	for (int i = 0; i < n - 1; i++)
		assert_int_not_equal(X509_cmp(sk_X509_value(list, i), own), 0);
	sk_X509_pop_free(list, X509_free);
	setenv("SSL_CERT_FILE", "", 1);
	list = bundle_of(f);
	assert_int_equal(sk_X509_num(list), n);
	sk_X509_pop_free(list, X509_free);
	X509_free(own);
}

/* Below a root that was given too, programs need the root. */
static void test_chain(void **state)
{
	struct fixture *f = *state;
	struct signer_spec spec = RIG_CA("between");
	struct signer between = signer_new(&spec, &f->roots[1]);
	STACK_OF(X509) * list;

	write_roots(f, false);
	ca_unref(f->ca);
	f->ca = rig_read((const struct signer *[]){&between, &f->roots[1]}, 2);
	list = bundle_of(f);
	assert_int_equal(sk_X509_num(list), 3);
	assert_int_equal(X509_cmp(sk_X509_value(list, 0), f->roots[0].certificate), 0);
	assert_int_equal(X509_cmp(sk_X509_value(list, 1), between.certificate), 0);
	assert_int_equal(X509_cmp(sk_X509_value(list, 2), f->roots[1].certificate), 0);
	sk_X509_pop_free(list, X509_free);
	signer_free(&between);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{NULL, "/roots.pem: cannot be read: No such file or directory"},
		{"", "/roots.pem: holds no roots in PEM form, or a malformed one"},
		{"garbage", "/roots.pem: holds no roots"},
		{ca_pem(f->ca).p, "/roots.pem: holds no roots"}, /* but ours */
		{"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "/roots.pem: holds no roots"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct files_rig *r = &f->files;

		if (cases[i].text != NULL)
			assert_true(file_write(f->roots_file, cases[i].text, 0644));
		assert_null(ca_files_bundle(&r->place, f->ca, r->why, sizeof(r->why)));
		if (strstr(r->why, cases[i].why) == NULL)
			assert_string_equal(r->why, cases[i].why);
		assert_int_equal(files_mode(r, "bundle.pem"), 0);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* A file that breaks off is not taken for a short one. */
static void test_torn(void **state)
{
	struct fixture *f = *state;
	struct files_rig *r = &f->files;
	char text[RIG_TEXT_BYTES] = "";

	text_add_certificate(text, f->roots[0].certificate);
	text_add_certificate(text, f->roots[1].certificate);
	text[strlen(text) - 60] = '\0';
	assert_true(file_write(f->roots_file, text, 0644));
	assert_null(ca_files_bundle(&r->place, f->ca, r->why, sizeof(r->why)));
	assert_non_null(strstr(r->why, "/roots.pem: holds no roots in PEM form, or a malformed one"));
}

/* For a given CA the folder is made. */
static void test_no_folder(void **state)
{
	struct fixture *f = *state;

	write_roots(f, false);
	folder_remove(f->files.folder);
	assert_bundle(f);
	assert_int_equal(files_mode(&f->files, ""), 0700);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_roots),
		TEST(test_itself),
		TEST(test_chain),
		TEST(test_refused),
		TEST(test_torn),
		TEST(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
