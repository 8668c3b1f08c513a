/* Bytes as words of a POSIX shell: what dash, bash and BusyBox read back as the same bytes. */
#ifndef VIADUCT_STORE_SHELL_QUOTE_H
#define VIADUCT_STORE_SHELL_QUOTE_H

#include "store/text.h"

#include <stdbool.h>

/* Appends one word: bare, in single quotes, or, where it holds what could steer a terminal, as "$(printf …)", which takes any
 * byte but NUL, and no line ends at its end. */
void shell_word(struct text *t, struct str s);
/* True if the text is fit to be shown as it is: UTF-8 without control characters, but for line ends and tabs. */
bool shell_is_legible(struct str s);
/* Appends printf and its one word, which write these bytes, any byte, to stdout. */
void shell_printf(struct text *t, struct str s);

#endif
