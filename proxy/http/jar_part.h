/* What the files of the jar share; not for anybody else. */
#ifndef VIADUCT_HTTP_JAR_PART_H
#define VIADUCT_HTTP_JAR_PART_H

#include "http/cookie.h"

struct jar_cookie {
	struct cookie cookie;
	struct jar_cookie *next;
};

#endif
