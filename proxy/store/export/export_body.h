/* A kept body as a JSON object: {"text":…} or {"base64":…}, with what it says about itself. For the lines of an export. */
#ifndef VIADUCT_STORE_EXPORT_BODY_H
#define VIADUCT_STORE_EXPORT_BODY_H

#include "capture/record.h"
#include "store/query.h"
#include "store/redact/redact.h"
#include "store/text.h"

struct export_body {
	struct reader *reader;
	const struct redactor *redactor; /* NULL: as stored */
	const struct kept_body *kept;
	const struct head_view *head; /* of its message; NULL: none */
	enum body_direction direction;
	struct str extra; /* of its hop, if that is imported */
};
/* null where nothing was kept. False on an error (reader_error). */
bool export_put_body(struct text *t, const struct export_body *b);

#endif
