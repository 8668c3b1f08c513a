/* What an imported entry says of the types of its bodies itself: its fields may be missing, or be of another opinion. */
#ifndef VIADUCT_STORE_HAR_TYPE_H
#define VIADUCT_STORE_HAR_TYPE_H

#include "capture/record.h"
#include "store/text.h"

/* postData.mimeType or content.mimeType out of an entry that was kept (struct hop_extra), which goes into the text; empty where
 * extra is, or says nothing. */
struct str har_extra_type(struct str extra, enum body_direction direction, struct text *to);

#endif
