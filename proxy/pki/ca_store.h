/* The CA in its folder. Inside pki/ only. */
#ifndef VIADUCT_PKI_CA_STORE_H
#define VIADUCT_PKI_CA_STORE_H

#include "pki/ca.h"
#include "pki/ca_files.h"
#include "pki/ca_folder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CA_KEY_NAME "ca.key"
#define CA_PEM_NAME "ca.pem"

enum { CA_PUBLIC_MODE = 0644, CA_SECRET_MODE = 0600, CA_DATE_BYTES = 16 };

/* Reads the CA of the folder, and makes what is derived from it anew where that is missing or old. That this fails is only
 * worth ret_warning, which is left alone else. NULL with one line. */
struct ca *ca_store_load(const struct ca_folder *f, char *ret_warning, char *ret_why, size_t size);
/* Makes a CA, and puts it in place of any that is there. The folder is locked. */
struct ca *ca_store_make(const struct ca_folder *f, const struct ca_place *p, char *ret_why, size_t size);

/* Writes a bundle that is there anew, unless it has the CA's certificates. False with one line. */
bool ca_bundle_refresh(const struct ca_folder *f, const struct ca *ca, char *ret_why, size_t size);

/* Whether options name the CA's files. */
bool ca_files_are_given(const struct ca_place *p);

/* "2026-11-22", in UTC. */
void ca_date_words(int64_t s, char ret[CA_DATE_BYTES]);

#endif
