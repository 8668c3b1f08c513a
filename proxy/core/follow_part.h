/* Inside of follow: its steps (follow_mode.c, follow_target.c). */
#ifndef VIADUCT_CORE_FOLLOW_PART_H
#define VIADUCT_CORE_FOLLOW_PART_H

#include "core/follow.h"

/* Words that were made in the arena, or the plain ones where that was full. */
const char *follow_words(struct str made, const char *plain);

/* Where the redirect leads. NULL, or why it is returned: then ret is untouched. */
const char *follow_target(const struct follow_input *in, struct url *ret) MUST_CHECK;

/* What retry is asked about this hop. */
void follow_describe_retry(const struct follow_input *in, struct retry_input *ret);

#endif
