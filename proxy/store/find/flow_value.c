/* Texts of the flow database as the filter language knows them. Pure. */
#include "store/find/flow_value.h"

struct str flow_value_host(struct str address)
{
	size_t end = address.len;

	if (address.len > 0 && address.p[0] == '[') {
		address = str_from(address, 1);
		return str_first(address, str_find(address, ']'));
	}
	while (end > 0 && address.p[end - 1] != ':')
		end--;
	return end > 0 ? str_first(address, end - 1) : address;
}

bool flow_value_give(enum filter_field field, struct str stored, bool (*take)(void *taker, const struct filter_value *v),
	void *taker)
{
	struct filter_value v = {.text = stored};

	if (filter_field_is_address(field))
		v.text = flow_value_host(stored);
	else if (field == FILTER_type)
		v.text = str_trim(str_first(stored, str_find(stored, ';')));
	return v.text.len == 0 || take(taker, &v);
}
