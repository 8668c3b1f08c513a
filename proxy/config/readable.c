/* See readable.h. The file is opened, since access(2) asks for the real user only and knows no devices. */
#include "config/readable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool readable_check(const char *file, char *ret_why, size_t size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not hold us up either */
	struct stat st;
	bool is_known;

	if (fd < 0) {
		snprintf(ret_why, size, "%s: cannot be opened: %s", file, strerror(errno));
		return false;
	}
	is_known = fstat(fd, &st) == 0;
	close(fd);
	if (is_known && S_ISREG(st.st_mode))
		return true;
	snprintf(ret_why, size, "%s: is %s", file,
		is_known && S_ISDIR(st.st_mode) ? "a folder, not a file" : "no regular file");
	return false;
}
