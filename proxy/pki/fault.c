/* Lines that say why something failed. */
#include "pki/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

bool fault(char *ret_why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_why, size, format, args);
	va_end(args);
	ERR_clear_error();
	return false;
}

bool fault_library(char *ret_why, size_t size, const char *what)
{
	/* The last error is nearest to us; those before it are from the depths. */
	const char *words = ERR_reason_error_string(ERR_peek_last_error());

	return fault(ret_why, size, "%s: %s", what, words != NULL ? words : "the cryptographic library fails");
}
