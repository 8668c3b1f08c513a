/* application/x-www-form-urlencoded taken apart (WHATWG URL, section 5.1). Not for: multipart (form_part.c). */
#include "http/form.h"

#include "http/percent.h"

bool form_each_pair(struct arena *a, struct str text, bool (*take)(void *owner, const struct form_pair *p), void *owner)
{
	while (text.len > 0) {
		struct str pair = str_first(text, str_find(text, '&'));
		struct form_pair p = {.raw_name = str_first(pair, str_find(pair, '='))};

		text = str_from(text, pair.len);
		text = str_from(text, text.len > 0);
		if (pair.len == 0)
			continue;
		p.has_value = p.raw_name.len < pair.len;
		p.raw_value = str_from(pair, p.raw_name.len + p.has_value);
		p.name = percent_decode(a, p.raw_name, PERCENT_AND_PLUS);
		p.value = percent_decode(a, p.raw_value, PERCENT_AND_PLUS);
		if (!p.name.p || !p.value.p)
			return false;
		if (!take(owner, &p))
			break;
	}
	return true;
}
