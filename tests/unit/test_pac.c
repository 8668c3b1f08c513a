/* pac.h and reach.h: the PAC file, and which listener it names. */
#include "admin/pac.h"
#include "admin/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static struct address address_of(const char *text)
{
	struct address a;

	assert_true(address_parse_listen(str_of(text), &a));
	return a;
}

static void assert_address(struct address a, const char *expected)
{
	char text[ADDRESS_TEXT_BYTES];

	assert_string_equal(address_format(&a, text), expected);
}

static struct settings *settings_with(const char *listen)
{
	const char *set[] = {listen, "data=/nowhere"};
	struct settings_source source = {.set = set, .set_n = 2};
	char why[300] = "";
	struct settings *s = settings_load(&source, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	return s;
}

/* Who reached the inspector at the address here is sent to that listener. */
static void reaches(const char *listen, const char *here, const char *expected)
{
	struct settings *s = settings_with(listen);
	struct address at = address_of(here);

	assert_address(reach_proxy(s, &at), expected);
	settings_unref(s);
}

static void test_reach_proxy(void **state)
{
	(void)state;
	reaches("listen=127.0.0.1:8080", "127.0.0.1:9", "127.0.0.1:8080");
	reaches("listen=127.0.0.1:8080,192.0.2.1:81", "192.0.2.1:9", "192.0.2.1:81");
	reaches("listen=127.0.0.1:8080,[::1]:82", "[::1]:9", "[::1]:82");
	/* a wildcard: at the host that was used, in its family */
	reaches("listen=0.0.0.0:8080", "192.0.2.7:9", "192.0.2.7:8080");
	reaches("listen=0.0.0.0:8080,[::]:82", "[2001:db8::1]:9", "[2001:db8::1]:82");
	/* nothing fits: the first, and never a wildcard */
	reaches("listen=192.0.2.1:81", "127.0.0.1:9", "192.0.2.1:81");
	reaches("listen=0.0.0.0:8080", "[::1]:9", "127.0.0.1:8080");
	reaches("listen=[::]:8080", "127.0.0.1:9", "[::1]:8080");
}

static void test_reach_locally(void **state)
{
	struct address any = address_of("0.0.0.0:80"), any6 = address_of("[::]:80"), one = address_of("192.0.2.1:80");

	(void)state;
	assert_address(reach_locally(&any), "127.0.0.1:80");
	assert_address(reach_locally(&any6), "[::1]:80");
	assert_address(reach_locally(&one), "192.0.2.1:80");
}

static void assert_pac_has(const char *proxy, const char *expected)
{
	struct address a = address_of(proxy);
	struct text t = {0};

	pac_write(&t, &a);
	text_byte(&t, '\0');
	assert_non_null(strstr(t.p, "function FindProxyForURL(url, host) {"));
	assert_non_null(strstr(t.p, expected));
	text_fini(&t);
}

static void test_pac_names_the_proxy(void **state)
{
	(void)state;
	assert_pac_has("127.0.0.1:8080", "return \"PROXY 127.0.0.1:8080; DIRECT\";");
	assert_pac_has("[::1]:81", "return \"PROXY [::1]:81; DIRECT\";");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach_proxy),
		cmocka_unit_test(test_reach_locally),
		cmocka_unit_test(test_pac_names_the_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
