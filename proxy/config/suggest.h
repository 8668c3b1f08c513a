/* The known name that an unknown one most likely was meant to be. */
#ifndef VIADUCT_CONFIG_SUGGEST_H
#define VIADUCT_CONFIG_SUGGEST_H

#include "base/str.h"
#include "config/option_table.h"

/* The option nearest to a misspelt name, dots and underscores being alike and letters compared without case, so that the rest
 * of an environment variable's name may be given too. OPTION_COUNT if none is near enough to be worth saying. */
enum option_id suggest_option(struct str name);
/* The same among n words, of which word_at gives one by its number; empty ones are passed over. n if
 * none is near enough. */
size_t suggest_word(struct str name, const char *(*word_at)(size_t i), size_t n);

#endif
