/* What the server does about secrets: the redactor of its settings, and a note for those who export from its folder. */
#ifndef VIADUCT_MAIN_REDACT_H
#define VIADUCT_MAIN_REDACT_H

#include "config/settings.h"
#include "store/redact/redact.h"

#include <stdbool.h>
#include <stddef.h>

/* What replaces secrets by the settings; NULL in ret: nothing does. started: the settings of the start, which say whether and where flows are
 * kept. The options about secrets are noted in the data folder (paths_redact_note), so that `viaduct export` hides what this proxy would hide. False
 * with one line in ret_why. */
bool redact_make(const struct settings *started, const struct settings *s, struct redactor **ret, char *ret_why, size_t size);

#endif
