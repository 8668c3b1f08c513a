/* The intrusive list. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
	int number;
	struct list link;
};

/* Takes everything off; the numbers, read as decimal digits. */
static int take_digits(struct list *l)
{
	struct list *node;
	int digits = 0;

	while ((node = list_take(l)) != NULL)
		digits = digits * 10 + LIST_ITEM(node, struct item, link)->number;
	return digits;
}

static void test_empty(void **state)
{
	struct list l;

	(void)state;
	list_init(&l);
	assert_true(list_is_empty(&l));
	assert_null(list_take(&l));
}

static void test_order(void **state)
{
	struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
	struct list l;

	(void)state;
	list_init(&l);
	list_append(&l, &b.link);
	list_append(&l, &c.link);
	list_prepend(&l, &a.link);
	assert_false(list_is_empty(&l));
	assert_int_equal(take_digits(&l), 123);
	assert_true(list_is_empty(&l));
}

static void test_remove_from_anywhere(void **state)
{
	struct item items[5];
	struct list l;

	(void)state;
	list_init(&l);
	for (int i = 0; i < 5; i++) {
		items[i].number = i + 1;
		list_append(&l, &items[i].link);
	}
	list_remove(&items[2].link);
	assert_false(list_is_linked(&items[2].link));
	list_remove(&items[0].link);
	list_remove(&items[4].link);
	assert_true(list_is_linked(&items[1].link));
	list_append(&l, &items[2].link);
	assert_int_equal(take_digits(&l), 243);
}

static void test_remove_twice_is_fine(void **state)
{
	struct item a = {.number = 1};
	struct list l;

	(void)state;
	list_init(&l);
	list_append(&l, &a.link);
	list_remove(&a.link);
	list_remove(&a.link);
	assert_true(list_is_empty(&l));
	assert_false(list_is_linked(&a.link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_remove_from_anywhere),
		cmocka_unit_test(test_remove_twice_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
