/* The parts that the text of a flow and that of a hop are made of: a label, and what there is to say. */
#ifndef VIADUCT_CLI_SHOW_PARTS_H
#define VIADUCT_CLI_SHOW_PARTS_H

#include "cli/cli_show.h"
#include "store/format.h"

void show_title(struct text *t, const char *title, struct show_style style);
void show_label(struct text *t, const char *label);
/* A label and a text, if there is one. */
void show_line(struct text *t, const char *label, struct str s);
/* "failed: connect_refused (words)" */
void show_outcome(struct text *t, struct str outcome, struct str error, struct str detail);
/* "TLSv1.3 TLS_AES_128_GCM_SHA256, ALPN http/1.1, server name example.com, resumed", behind a label; nothing without a
 * version. */
void show_leg(struct text *t, const char *label, const struct leg_view *v);
void show_status(struct text *t, int64_t status, struct show_style style);
void show_sizes(struct text *t, uint64_t request_head, uint64_t request_body, uint64_t response_head, uint64_t response_body);
/* "Authorization: the origin changed", each on its line, the label before the first. */
void show_drops(struct text *t, const char *label, const struct drop_rows *l);

#endif
