/* See main_options.h. The short forms become --set of the option they stand for, so that there is one way in. */
#include "main_options.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct short_form {
	const char *flag, *option;
	bool is_list; /* a second use adds to the first */
};

static const struct short_form short_forms[] = {
	{"--listen", "listen", true},
	{"--inspector", "inspector", false},
	{"--data", "data", false},
	{"--workers", "workers", false},
	{"--redirects", "redirects.mode", false},
};

static void add_set(struct serve_options *o, char *text)
{
	o->set = mem_realloc(o->set, (o->set_n + 1) * sizeof(*o->set));
	o->set[o->set_n++] = text;
}

static char *join3(const char *a, const char *b, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
	char *text = mem_alloc(size);

	snprintf(text, size, "%s%s%s", a, b, c);
	return text;
}

/* The earlier --set of this option, if a list may grow. */
static char **find_list(struct serve_options *o, const struct short_form *f)
{
	size_t n = strlen(f->option);

	for (size_t i = 0; f->is_list && i < o->set_n; i++) {
		if (strncmp(o->set[i], f->option, n) == 0 && o->set[i][n] == '=')
			return &o->set[i];
	}
	return NULL;
}

static void add_short(struct serve_options *o, const struct short_form *f, const char *value)
{
	char **there = find_list(o, f), *longer;

	if (there == NULL) {
		add_set(o, join3(f->option, "=", value));
		return;
	}
	longer = join3(*there, ",", value);
	mem_free(*there);
	*there = longer;
}

/* "--flag=value" or "--flag value"; NULL if the argument is not this flag; *i moves on when the value is the next one. */
static const char *value_of(const char *flag, int argc, char **argv, int *i)
{
	size_t n = strlen(flag);

	if (strncmp(argv[*i], flag, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n] != '\0')
		return NULL;
	if (*i + 1 >= argc || argv[*i + 1] == NULL)
		return "";
	return argv[++*i];
}

static bool take(struct serve_options *o, int argc, char **argv, int *i)
{
	const char *value;

	for (size_t k = 0; k < sizeof(short_forms) / sizeof(short_forms[0]); k++) {
		value = value_of(short_forms[k].flag, argc, argv, i);
		if (value != NULL) {
			add_short(o, &short_forms[k], value);
			return true;
		}
	}
	if ((value = value_of("--set", argc, argv, i)) != NULL)
		add_set(o, mem_strdup(value));
	else if ((value = value_of("--config", argc, argv, i)) != NULL || (value = value_of("-c", argc, argv, i)) != NULL)
		o->config = value;
	else if ((value = value_of("--ready-file", argc, argv, i)) != NULL)
		o->ready_file = value;
	else if (strcmp(argv[*i], "--help") == 0 || strcmp(argv[*i], "-h") == 0)
		o->wants_help = true;
	else
		return false;
	return true;
}

bool serve_options_parse(int argc, char **argv, struct serve_options *ret, char *ret_why, size_t size)
{
	*ret = (struct serve_options){0};
	for (int i = 0; i < argc; i++) {
		const char *flag = argv[i];

		if (!take(ret, argc, argv, &i)) {
			snprintf(ret_why, size, "%s is not an option of serve (see viaduct --help)", flag);
			return false;
		}
		if (i == argc - 1 && argv[i] == flag && strchr(flag, '=') == NULL && !ret->wants_help) {
			snprintf(ret_why, size, "%s needs a value (see viaduct --help)", flag);
			return false;
		}
	}
	return true;
}

void serve_options_fini(struct serve_options *o)
{
	for (size_t i = 0; i < o->set_n; i++)
		mem_free(o->set[i]);
	mem_free(o->set);
}
