/* Fields that an import gave another name, since they do not hold for the body that is kept: for those who write requests. */
#ifndef VIADUCT_STORE_HAR_UNDONE_H
#define VIADUCT_STORE_HAR_UNDONE_H

#include "base/str.h"

#include <stdbool.h>

/* True for such a name, which is none that HTTP knows. */
bool har_is_undone(struct str name);

#endif
