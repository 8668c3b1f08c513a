/* Values of fields that take certain words only. Inside config/ only. */
#ifndef VIADUCT_CONFIG_FILTER_WORDS_H
#define VIADUCT_CONFIG_FILTER_WORDS_H

#include "config/filter_build.h"

/* Whether the word, which has been read from quoted, can be equal to the node's field, as far as its operator asks for that.
 * Otherwise false with a message that names the word that was most likely meant. The empty word is fine. */
bool filter_word_check(struct filter_parser *p, const struct filter_node *node, struct str word, struct str quoted);

#endif
