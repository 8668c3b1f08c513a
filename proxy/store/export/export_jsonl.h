/* A flow as one line of JSON: what viaduct show --json says of it, and the bodies. SCHEMA.md describes the members. */
#ifndef VIADUCT_STORE_EXPORT_JSONL_H
#define VIADUCT_STORE_EXPORT_JSONL_H

#include "store/query.h"
#include "store/redact/redact.h"
#include "store/text.h"

/* Appends the flow and a line end. redactor NULL: as stored. False on an error (reader_error): what was appended is of no
 * use. */
bool jsonl_put_flow(struct text *t, struct reader *r, const struct flow_view *v, const struct redactor *redactor);

#endif
