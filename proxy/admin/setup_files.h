/* The certificate to be trusted (the anchor of the CA) as files to download. Pure. */
#ifndef VIADUCT_ADMIN_SETUP_FILES_H
#define VIADUCT_ADMIN_SETUP_FILES_H

#include "pki/ca.h"
#include "store/text.h"

#include <stdbool.h>

struct setup_file {
	const char *path, *content_type, *disposition;
	const char *about;                                  /* who wants it */
	bool (*write)(struct text *t, const struct ca *ca); /* false if the library fails */
};

extern const struct setup_file setup_files[];
extern const size_t setup_files_n;

/* NULL: there is none of that path. */
const struct setup_file *setup_file_find(struct str path);

#endif
