/* Parameters of Content-Type and Content-Disposition. Not for: what they mean. */
#include "http/param.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str trim_front(struct str s)
{
	while (s.len > 0 && is_space(s.p[0]))
		s = str_from(s, 1);
	return s;
}

struct str param_trim_back(struct str s)
{
	while (s.len > 0 && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct str param_trim(struct str s)
{
	return param_trim_back(trim_front(s));
}

/* The bytes up to the quote that ends the string, or all. */
static size_t quoted_length(struct str s)
{
	size_t i = 0;

	while (i < s.len && s.p[i] != '"')
		i += s.p[i] == '\\' && i + 1 < s.len ? 2 : 1;
	return i;
}

static size_t name_length(struct str s)
{
	size_t i = 0;

	while (i < s.len && s.p[i] != ';' && s.p[i] != '=')
		i++;
	return i;
}

/* Takes the value; what stands between it and the next semicolon is nothing. */
static void take_value(struct str *s, struct param *p)
{
	p->is_quoted = s->len > 0 && s->p[0] == '"';
	if (p->is_quoted) {
		*s = str_from(*s, 1);
		p->value = str_first(*s, quoted_length(*s));
		*s = str_from(*s, p->value.len);
		*s = str_from(*s, str_find(*s, ';'));
		return;
	}
	p->value = str_first(*s, str_find(*s, ';'));
	*s = str_from(*s, p->value.len);
	p->value = param_trim_back(p->value);
}

bool param_next(struct str *rest, struct param *ret_param)
{
	struct param p;

	while (rest->len > 0) {
		struct str s = trim_front(str_from(*rest, 1));

		p.name = str_first(s, name_length(s));
		s = str_from(s, p.name.len);
		if (s.len == 0 || s.p[0] == ';') {
			*rest = s;
			continue;
		}
		s = str_from(s, 1);
		take_value(&s, &p);
		*rest = s;
		if (!str_is_token(p.name) || (p.value.len == 0 && !p.is_quoted))
			continue;
		*ret_param = p;
		return true;
	}
	return false;
}

/* True if the backslash at i stands for the byte behind it. */
static bool escapes_at(struct str s, size_t i, enum param_escapes escapes)
{
	if (s.p[i] != '\\' || i + 1 == s.len)
		return false;
	return escapes == PARAM_ESCAPES_ALL || s.p[i + 1] == '"' || s.p[i + 1] == '\\';
}

struct str param_text(struct arena *a, const struct param *p, enum param_escapes escapes)
{
	char *to;
	size_t n = 0;

	if (!p->is_quoted)
		return arena_str(a, p->value);
	to = arena_alloc(a, p->value.len + 1);
	if (!to)
		return STR_NONE;
	for (size_t i = 0; i < p->value.len; i++) {
		if (escapes_at(p->value, i, escapes))
			i++;
		to[n++] = p->value.p[i];
	}
	to[n] = '\0';
	return (struct str){to, n};
}
