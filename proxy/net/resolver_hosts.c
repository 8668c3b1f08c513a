/* Names that need no name server: the hosts file (hosts(5)), overrides from the options, and localhost (RFC 6761 section 6.3).
 * We read the file rather than let c-ares do so, because c-ares opens it for every single question. */
#include "base/log.h"
#include "base/mem.h"
#include "net/resolver_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 64, ROWS_MAX = 1000000, LINE_BYTES_MAX = 8192 };

/* Kept small: lists that block names have 100,000 rows and more. */
struct row {
	char *name;  /* lower case */
	size_t line; /* keeps the order of the file among equal names */
	bool is_v6;
	uint8_t bytes[16];
};

/* Sorted by name, then by line. */
struct hosts {
	struct row *rows;
	size_t n, room;
};

static int compare_rows(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int order = strcmp(a->name, b->name);

	if (order != 0)
		return order;
	return a->line < b->line ? -1 : a->line > b->line;
}

static void hosts_sort(struct hosts *h)
{
	if (h->n > 1)
		qsort(h->rows, h->n, sizeof(*h->rows), compare_rows);
}

static char *lower_copy(struct str s)
{
	char *copy = mem_strndup(s.p, s.len);

	for (char *c = copy; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	return copy;
}

/* A name may end with the dot of the root; it means the same. */
static struct str without_root(struct str name)
{
	return name.len > 1 && name.p[name.len - 1] == '.' ? str_first(name, name.len - 1) : name;
}

static void row_set_address(struct row *row, const struct address *a)
{
	row->is_v6 = a->ss.ss_family == AF_INET6;
	if (row->is_v6)
		memcpy(row->bytes, &((const struct sockaddr_in6 *)(const void *)&a->ss)->sin6_addr, 16);
	else
		memcpy(row->bytes, &((const struct sockaddr_in *)(const void *)&a->ss)->sin_addr, 4);
}

static struct address row_address(const struct row *row)
{
	struct address a = {.len = 0};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	if (row->is_v6) {
		memcpy(&v6.sin6_addr, row->bytes, 16);
		memcpy(&a.ss, &v6, sizeof(v6));
		a.len = sizeof(v6);
	} else {
		memcpy(&v4.sin_addr, row->bytes, 4);
		memcpy(&a.ss, &v4, sizeof(v4));
		a.len = sizeof(v4);
	}
	return a;
}

/* Adds one name. */
static void hosts_add(struct hosts *h, struct str name, const struct address *a)
{
	name = without_root(name);
	if (name.len == 0 || name.len > NAME_BYTES_MAX || h->n == ROWS_MAX)
		return;
	if (h->n == h->room) {
		h->room = h->room == 0 ? ROWS_FIRST : h->room * 2;
		h->rows = mem_realloc(h->rows, h->room * sizeof(*h->rows));
	}
	h->rows[h->n] = (struct row){.name = lower_copy(name), .line = h->n};
	row_set_address(&h->rows[h->n], a);
	h->n++;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

/* Takes the next word of a line; empty at its end. */
static struct str next_word(struct str *line)
{
	struct str word;
	size_t n = 0;

	while (line->len != 0 && is_blank(line->p[0]))
		*line = str_from(*line, 1);
	while (n < line->len && !is_blank(line->p[n]))
		n++;
	word = str_first(*line, n);
	*line = str_from(*line, n);
	return word;
}

/* One line: an address and its names; a comment starts with '#'. */
static void hosts_add_line(struct hosts *h, struct str line)
{
	struct str name;
	struct address a;

	line = str_first(line, str_find(line, '#'));
	if (!address_parse(next_word(&line), 0, &a))
		return; /* also addresses with a zone, which cannot be dialled from here */
	while ((name = next_word(&line)).len != 0)
		hosts_add(h, name, &a);
}

struct hosts *hosts_of_file(const char *path)
{
	struct hosts *h = mem_calloc(1, sizeof(*h));
	FILE *file = fopen(path, "re");
	char line[LINE_BYTES_MAX];
	bool is_continued = false;

	if (file == NULL) {
		if (errno != ENOENT)
			log_warn("%s cannot be read: %s", path, strerrordesc_np(errno));
		return h;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		bool is_whole = strchr(line, '\n') != NULL || strlen(line) < sizeof(line) - 1;

		/* A line that is too long is passed over, so that its middle is not taken for a line. */
		if (is_whole && !is_continued)
			hosts_add_line(h, str_of(line));
		is_continued = !is_whole;
	}
	if (ferror(file) != 0)
		log_warn("%s cannot be read to its end", path);
	fclose(file);
	hosts_sort(h);
	return h;
}

struct hosts *hosts_of_overrides(const char *const *overrides, size_t n)
{
	struct hosts *h = mem_calloc(1, sizeof(*h));

	for (size_t i = 0; i < n; i++) {
		struct str text = str_of(overrides[i]);
		size_t at = str_find(text, '=');
		struct str value;
		struct address a;

		if (at == text.len)
			continue;
		value = str_trim(str_from(text, at + 1));
		if (address_parse(value, 0, &a) || address_parse_listen(value, &a)) {
			address_set_port(&a, 0);
			hosts_add(h, str_trim(str_first(text, at)), &a);
		}
	}
	hosts_sort(h);
	return h;
}

void hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		mem_free(h->rows[i].name);
	mem_free(h->rows);
	mem_free(h);
}

/* Compares a row's name with one that is not terminated. */
static int compare_name(const struct row *row, struct str name)
{
	int order = strncmp(row->name, name.p, name.len);

	return order != 0 ? order : row->name[name.len] != '\0';
}

/* The first row that is not before the name. */
static size_t lower_bound(const struct hosts *h, struct str name)
{
	size_t low = 0, high = h->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_name(&h->rows[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct answer *hosts_find(const struct hosts *h, struct str name, int family)
{
	struct address addresses[ANSWER_ADDRESSES_MAX];
	size_t first, i, n = 0;

	name = without_root(name);
	first = lower_bound(h, name);
	for (i = first; i < h->n && n < ANSWER_ADDRESSES_MAX && compare_name(&h->rows[i], name) == 0; i++) {
		if (h->rows[i].is_v6 == (family == AF_INET6))
			addresses[n++] = row_address(&h->rows[i]);
	}
	if (i == first)
		return NULL;
	if (n == 0)
		return answer_new(ERR_name_not_found, "no address of this family", NULL, 0);
	return answer_new(ERR_none, "", addresses, n);
}

struct answer *hosts_localhost(struct str name, int family)
{
	struct address a;

	name = without_root(name);
	if (!str_ieq(name, STR("localhost")) && !str_iends(name, STR(".localhost")))
		return NULL;
	if (!address_parse(family == AF_INET6 ? STR("::1") : STR("127.0.0.1"), 0, &a))
		return NULL;
	return answer_new(ERR_none, "", &a, 1);
}
