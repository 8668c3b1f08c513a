/* The checks of options about capture: whether they fit together, and the filter of the HAR file. */
#include "config/settings_build.h"

#include "config/filter.h"

enum { SESSION_NAME_BYTES = 200 };

static bool check_session(struct settings_build *b)
{
	struct str name = str_of(b->s->capture_session);

	if (name.len > SESSION_NAME_BYTES)
		return build_fail(b, OPT_capture_session, "is longer than %d bytes", SESSION_NAME_BYTES);
	return true;
}

/* One body must not drive all else out of the database. */
static bool check_sizes(struct settings_build *b)
{
	enum { BODIES_THAT_FIT = 4 };
	const struct settings *s = b->s;

	if (s->capture_body_limit <= s->capture_max_bytes / BODIES_THAT_FIT)
		return true;
	return build_fail(b, build_later(b, OPT_capture_body_limit, OPT_capture_max_bytes),
		"capture.body_limit may be at most a quarter of capture.max_bytes");
}

/* A part of the database is read by it, so it may not be left out. */
static bool check_har(struct settings_build *b)
{
	const struct settings *s = b->s;
	struct filter_error error;
	struct filter *f;

	if (*s->har_path != '\0' && !s->capture_enabled)
		return build_fail(b, OPT_har_path, "needs capture.enabled: the HAR file is made of the flow database");
	if (*s->har_filter == '\0')
		return true;
	f = filter_parse(str_of(s->har_filter), false, &error);
	if (f == NULL)
		return build_fail(b, OPT_har_filter, "%s", error.text);
	filter_free(f);
	return true;
}

bool build_check_capture(struct settings_build *b)
{
	return check_session(b) && check_sizes(b) && check_har(b);
}
