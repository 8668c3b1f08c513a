/* The secrets of TLS legs in the file that SSLKEYLOGFILE names, for Wireshark and the like: one line each, in the format of
 * NSS, as the library makes them. Of both roles.
 *
 * Workers write to it themselves, though they touch no file otherwise: the operator asked for it by the variable, for a while
 * and to look at something, and whoever reads along needs the secret before the bytes that it opens. A line is one write to
 * the page cache of a file that is open already; what cannot be written at once (a pipe that is full) is left out. */
#include "base/log.h"
#include "net/tls_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum { LINE_BYTES = 1024 }; /* the longest line of TLS 1.3 takes about 260 */

/* For the process, as the variable is. Written once, before it is read; closed at exit. */
static int keylog_fd = -1;
static pthread_once_t keylog_once = PTHREAD_ONCE_INIT;

static void open_keylog(void)
{
	const char *path = getenv("SSLKEYLOGFILE");

	if (path == NULL || path[0] == '\0')
		return;
	/* Without O_NONBLOCK a pipe that nobody reads would stop us here. */
	keylog_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (keylog_fd < 0)
		log_warn("SSLKEYLOGFILE: %s: %s; no keys are logged", path, strerror(errno));
}

void tls_on_keylog(const SSL *ssl, const char *line)
{
	size_t len = strlen(line);
	char text[LINE_BYTES];
	ssize_t n;

	(void)ssl;
	if (len + 1 > sizeof(text))
		return;
	memcpy(text, line, len);
	text[len++] = '\n';
	do
		n = write(keylog_fd, text, len);
	while (n < 0 && errno == EINTR);
	OPENSSL_cleanse(text, len);
}

void tls_keylog_use(SSL_CTX *ctx)
{
	if (pthread_once(&keylog_once, open_keylog) == 0 && keylog_fd >= 0)
		SSL_CTX_set_keylog_callback(ctx, tls_on_keylog);
}
