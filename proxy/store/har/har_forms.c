/* Forms in HAR: urlencoded and multipart bodies as parameters. The content of files stands in the text only. */
#include "store/har/har_part.h"

#include "http/form.h"
#include "http/media_type.h"
#include "store/har/har_put.h"
#include "store/json.h"

static bool put_part(void *owner, const struct form_part *p)
{
	struct text *t = owner;

	json_next(t);
	text_byte(t, '{');
	har_put_str(t, "name", p->name);
	if (p->filename.len > 0)
		har_put_str(t, "fileName", p->filename);
	else
		har_put_str(t, "value", p->body);
	if (p->content_type.len > 0)
		har_put_str(t, "contentType", p->content_type);
	text_byte(t, '}');
	return true;
}

void har_put_params(struct har_out *x, struct str content_type, struct str body)
{
	struct media_type type = media_type_parse(x->arena, content_type);
	bool is_pairs = str_eq(type.essence, STR("application/x-www-form-urlencoded"));

	if (!is_pairs && !str_eq(type.essence, STR("multipart/form-data")))
		return;
	json_key(x->t, "params");
	text_byte(x->t, '[');
	if (is_pairs)
		(void)form_each_pair(x->arena, body, har_put_pair, x->t);
	else
		(void)form_each_part(x->arena, type.boundary, body, put_part, x->t);
	text_byte(x->t, ']');
}
