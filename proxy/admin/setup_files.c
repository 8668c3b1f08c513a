/* See setup_files.h. Media types are those that open an installer:
 *
 *   .cer             application/x-x509-ca-cert: Firefox asks whether to trust it, Android's and iOS's installers are registered for it, Windows goes by
 *                    the suffix. RFC 2585's application/pkix-cert is only saved by Firefox.
 *   .pem             application/x-pem-file and saved: who asks for it wants a file for a command line, not Firefox's question.
 *   .p12             application/x-pkcs12, saved.
 *   .mobileconfig    application/x-apple-aspen-config: without it, iOS and macOS show a text. */
#include "admin/setup_files.h"

#include "admin/html.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

enum { FINGERPRINT_BITS = 256, UUID_BYTES = 16, UUID_TEXT_BYTES = 37 };

static bool write_pem(struct text *t, const struct ca *ca)
{
	text_put(t, ca_anchor(ca)->pem);
	return true;
}

static bool write_der(struct text *t, const struct ca *ca)
{
	text_put(t, ca_anchor(ca)->der);
	return true;
}

static bool write_pkcs12(struct text *t, const struct ca *ca)
{
	size_t n = 0;
	unsigned char *bytes = ca_pkcs12(ca, &n);

	if (bytes == NULL)
		return false;
	text_put(t, (struct str){(const char *)bytes, n});
	mem_free(bytes);
	return true;
}

static unsigned hex_value(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : tolower((unsigned char)c) - 'a' + 10);
}

/* A UUID of version 8 (RFC 9562 section 5.8) of one half of the fingerprint: a profile that is installed again replaces the one
 * before, and that of another CA stands beside it. */
static void uuid_of(const char *fingerprint, unsigned half, char ret[UUID_TEXT_BYTES])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (size_t i = 0; i < UUID_BYTES; i++) {
		const char *pair = fingerprint + 3 * (i + (half * UUID_BYTES));
		unsigned byte = hex_value(pair[0]) << 4 | hex_value(pair[1]);

		if (i == 6)
			byte = (byte & 0x0f) | 0x80;
		if (i == 8)
			byte = (byte & 0x3f) | 0x80;
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[n++] = '-';
		ret[n++] = hex[byte >> 4 & 15];
		ret[n++] = hex[byte & 15];
	}
	ret[n] = '\0';
}

/* What is between the lines that begin and end a PEM block. */
static struct str pem_inside(struct str pem)
{
	size_t begin = str_find(pem, '\n');
	struct str rest = str_from(pem, begin < pem.len ? begin + 1 : begin);

	return str_first(rest, str_find(rest, '-'));
}

static void write_entry(struct text *t, const char *key, struct str value)
{
	text_printf(t, "\t<key>%s</key>\n\t<string>", key);
	html_put(t, value);
	text_put(t, STR("</string>\n"));
}

/* The keys that every payload has, the profile itself among them. */
static void write_payload_head(struct text *t, const char *type, const char *identifier, const char *uuid, struct str name)
{
	write_entry(t, "PayloadType", str_of(type));
	text_put(t, STR("\t<key>PayloadVersion</key>\n\t<integer>1</integer>\n"));
	write_entry(t, "PayloadIdentifier", str_of(identifier));
	write_entry(t, "PayloadUUID", str_of(uuid));
	write_entry(t, "PayloadDisplayName", name);
}

static void write_profile(struct text *t, const struct ca *ca, const char *profile, const char *certificate)
{
	struct str name = str_of(ca_anchor(ca)->subject);

	text_put(t,
		STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
		    "<plist version=\"1.0\">\n<dict>\n"));
	write_payload_head(t, "Configuration", "proxy.viaduct.profile", profile, STR("viaduct"));
	write_entry(t, "PayloadDescription",
		STR("Trusts the CA of a viaduct proxy, which can then read HTTPS that goes through it. Remove it when you are done."));
	text_put(t,
		STR("\t<key>PayloadRemovalDisallowed</key>\n\t<false/>\n\t<key>PayloadContent</key>\n\t<array>\n\t<dict>\n"));
	write_payload_head(t, "com.apple.security.root", "proxy.viaduct.profile.ca", certificate, name);
	write_entry(t, "PayloadCertificateFileName", STR("viaduct-ca.cer"));
	text_put(t, STR("\t<key>PayloadContent</key>\n\t<data>\n"));
	text_put(t, pem_inside(ca_anchor(ca)->pem));
	text_put(t, STR("\t</data>\n\t</dict>\n\t</array>\n</dict>\n</plist>\n"));
}

static bool write_mobileconfig(struct text *t, const struct ca *ca)
{
	const char *fingerprint = ca_anchor(ca)->fingerprint;
	char profile[UUID_TEXT_BYTES], certificate[UUID_TEXT_BYTES];

	if (strlen(fingerprint) != FINGERPRINT_BITS / 8 * 3 - 1)
		return false;
	uuid_of(fingerprint, 0, profile);
	uuid_of(fingerprint, 1, certificate);
	write_profile(t, ca, profile, certificate);
	return true;
}

#define SAVED(name) "attachment; filename=\"" name "\""
#define OPENED(name) "inline; filename=\"" name "\""

const struct setup_file setup_files[] = {
	{"/ca.pem", "application/x-pem-file", SAVED("viaduct-ca.pem"), "Linux, macOS, command lines (PEM)", write_pem},
	{"/ca.cer", "application/x-x509-ca-cert", OPENED("viaduct-ca.cer"), "Windows, Android, Firefox (DER)", write_der},
	{"/ca.mobileconfig", "application/x-apple-aspen-config", OPENED("viaduct.mobileconfig"), "iPhone, iPad (profile)",
		write_mobileconfig},
	{"/ca.p12", "application/x-pkcs12", SAVED("viaduct-ca.p12"),
		"what takes PKCS#12 only (the certificate alone, empty password)", write_pkcs12},
};
const size_t setup_files_n = sizeof(setup_files) / sizeof(setup_files[0]);

const struct setup_file *setup_file_find(struct str path)
{
	for (size_t i = 0; i < setup_files_n; i++) {
		if (str_eq(path, str_of(setup_files[i].path)))
			return &setup_files[i];
	}
	return NULL;
}
