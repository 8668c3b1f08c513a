/* Views as JSON objects with the names of the columns in SCHEMA.md; for the command line and the control API. */
#ifndef VIADUCT_STORE_VIEW_JSON_H
#define VIADUCT_STORE_VIEW_JSON_H

#include "store/flow_view.h"
#include "store/text.h"

/* `{...` without the closing brace, so that more members can follow. */
void view_json_flow(struct text *t, const struct flow_view *v);
void view_json_hop(struct text *t, const struct hop_view *v);
/* `"key":[{"name":…,"why":…},…]` */
void view_json_drops(struct text *t, const char *key, const struct drop_rows *l);
/* One element of such a list, and of the list of cookies that a response set, behind a comma unless it is the first. */
void view_json_drop(struct text *t, struct str name, struct str why);
void view_json_cookie(struct text *t, struct str name, struct str fate, struct str client);
/* Whole objects; null for NULL. */
void view_json_identity(struct text *t, const struct identity_view *v);
void view_json_change(struct text *t, const struct change_view *v);
void view_json_session(struct text *t, const struct session_view *v);
void view_json_head(struct text *t, const struct head_view *v);

#endif
