/* Lines that say why something failed. Inside pki/ only. */
#ifndef VIADUCT_PKI_FAULT_H
#define VIADUCT_PKI_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the line and empties the library's queue of errors, which the thread's TLS legs share. False, to be returned. */
bool fault(char *ret_why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "WHAT: what the library says". False. */
bool fault_library(char *ret_why, size_t size, const char *what);

#endif
