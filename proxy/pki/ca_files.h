/* The CA's files: given by options, or made by viaduct in a folder of its own: ca/ in the data folder, 0700, with ca.key (0600:
 * the private key and its certificate, so that there never is one without the other), and made from that, anew where they are
 * missing or old, ca.pem, ca.cer (DER) and ca.p12 (PKCS#12 without key, empty password); and bundle.pem (the system's roots and
 * ours), where it is there. Blocks; not for workers. */
#ifndef VIADUCT_PKI_CA_FILES_H
#define VIADUCT_PKI_CA_FILES_H

#include "pki/ca.h"

#include <stdbool.h>
#include <stddef.h>

struct ca_place {
	const char *folder;                  /* for what viaduct makes: the data folder's "ca"; absolute */
	const char *cert, *key;              /* the options ca.cert and ca.key; both empty, or both set */
	const char *const *name_constraints; /* of the option, for a new CA */
	size_t name_constraints_n;
};

/* True if there is a CA already: the files of the options, or ca.key in the folder. */
bool ca_files_exist(const struct ca_place *p);
/* Reads it. Refuses (NULL, one line that names the file) what is malformed or does not fit together, and a folder or key of
 * ours that others than the owner can read, that belongs to somebody else, or is a symbolic link. A given key is the exception:
 * it is often shared with other programs, whose group must read it, so that one which all users can read only gives a
 * warning in ret_warning (empty: none; of size bytes, too). */
struct ca *ca_files_load(const struct ca_place *p, char *ret_warning, char *ret_why, size_t size);
/* Reads it, or makes it if there is none (not where the options give files). Two processes at once end up with the same one. A
 * warning, too, if the key was missing beside a certificate. */
struct ca *ca_files_need(const struct ca_place *p, char *ret_warning, char *ret_why, size_t size);
/* A new key and certificate in place of those in the folder, which are kept beside as ca-UNTIL.pem and ca-UNTIL.key (until when
 * they were valid; "ca-UNTIL.2" and so on where that is taken). NULL with one line where the options give files. */
struct ca *ca_files_renew(const struct ca_place *p, char *ret_why, size_t size);
/* The path of the certificate: ca.cert, or ca.pem in the folder. A block for mem_free. */
char *ca_files_pem_path(const struct ca_place *p);
/* Writes the system's roots and the CA's certificate into bundle.pem in the folder (made if need be) and gives its path, for
 * mem_free. The roots are those of SSL_CERT_FILE (unless that is bundle.pem itself), else of OpenSSL's default file, else of
 * the well-known places. NULL with one line. */
char *ca_files_bundle(const struct ca_place *p, const struct ca *ca, char *ret_why, size_t size);

/* Public keys, SHA-256 of each (32 bytes). */
struct ca_spkis {
	struct str *v;
	size_t n;
};
/* Those of every CA of ours that a client may still trust: of ca (NULL: none), and of the certificates in the folder: its own,
 * also where options give another, and those that a renewal has kept. They are looked at whoever may read or write them. With
 * a line in ret_warning (empty: none) if some cannot be read. For ca_spkis_fini. */
void ca_files_own_spkis(const struct ca_place *p, const struct ca *ca, struct ca_spkis *ret, char *ret_warning, size_t size);
void ca_spkis_fini(struct ca_spkis *s);

/* How a CA's end stands: empty, or one line ("the CA ends in 12 days: viaduct ca renew"; of a given one, who made it is to be
 * asked). */
void ca_files_remark(const struct ca *ca, int64_t now_s, char *ret, size_t size);

#endif
