/* See har_type.h. */
#include "store/har/har_type.h"

#include "store/har/har_json.h"

struct str har_extra_type(struct str extra, enum body_direction direction, struct text *to)
{
	const char *message = direction == BODY_UP ? "request" : "response";
	const char *holder = direction == BODY_UP ? "postData" : "content";
	json_t *entry = extra.len > 0 ? har_json_load(extra) : NULL;

	text_put(to, har_json_str(json_object_get(json_object_get(json_object_get(entry, message), holder), "mimeType")));
	json_decref(entry);
	return text_str(to);
}
