/* Imports over the API: one begun, and how far it is. Not for doing it: importer.h. */
#ifndef VIADUCT_ADMIN_IMPORT_H
#define VIADUCT_ADMIN_IMPORT_H

#include "admin/importer.h"
#include "base/arena.h"
#include "store/text.h"

/* The importer may be NULL. These return the status of the answer, and put its body: JSON where the status is 2xx, else one
 * line. */
/* Begins to import the file in the query (path=ABSOLUTE&name=NAME; without a name: that of the file): 202 with what import_tell
 * tells. 409 while another import runs. */
int import_begin(struct text *t, struct importer *i, struct arena *a, struct str query);
/* How far the import of that number is: id, state ("running", "done", "failed"), name, session_id, bytes, size, flows,
 * left_out, left_out_first, why. 404 if it is not the last one. */
int import_tell(struct text *t, struct importer *i, struct str id);

#endif
