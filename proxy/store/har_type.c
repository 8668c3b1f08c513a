/* See har_type.h. */
#include "store/har_type.h"

#include "store/har_json.h"

struct str har_type_of(struct str field, struct str own)
{
	return own.len == 0 || (field.len > 0 && redact_covers(field)) ? field : own;
}

struct str har_extra_type(struct str extra, enum body_direction direction, struct str field, struct text *own)
{
	const char *message = direction == BODY_UP ? "request" : "response";
	const char *holder = direction == BODY_UP ? "postData" : "content";
	json_t *entry;

	if (extra.len == 0 || (field.len > 0 && redact_covers(field)))
		return field;
	entry = har_json_load(extra);
	text_put(own, har_json_str(json_object_get(json_object_get(json_object_get(entry, message), holder), "mimeType")));
	json_decref(entry);
	return har_type_of(field, text_str(own));
}
