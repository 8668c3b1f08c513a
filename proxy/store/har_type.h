/* Of what type the bodies of imported entries are: fields may be missing, or be another's. For those who look for secrets in
 * them. */
#ifndef VIADUCT_STORE_HAR_TYPE_H
#define VIADUCT_STORE_HAR_TYPE_H

#include "capture/record.h"
#include "store/text.h"

/* What a body is looked through as: as its Content-Type says, unless that is missing or of no type that is covered, and the
 * entry's own (postData.mimeType, content.mimeType) says something. */
struct str har_type_of(struct str field, struct str own);
/* The same with the own type out of an entry that was kept (struct hop_extra), which goes into the text; extra may be empty. */
struct str har_extra_type(struct str extra, enum body_direction direction, struct str field, struct text *own);

#endif
