/* Reading YAML (version 1.1, as libyaml does) into flat names and values, event by event. What the configuration has no use
 * for is refused with its line instead of being guessed at: anchors, aliases, own tags, lists in lists. */
#include "config/yaml_read.h"

#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* Where the reader is. */
struct place {
	struct yaml_entries *entries;       /* of the file, or of one map of a list */
	bool is_in_list;                    /* the latter */
	char name[YAML_NAME_MAX_BYTES + 1]; /* of the entry or section being read */
	size_t name_len;
	int depth;
};

struct reader {
	yaml_parser_t parser;
	struct str text;
	const char *file;
	struct place at;
	size_t items_n; /* of all lists */
	char *why;
	size_t why_size;
};

/* Writes the message; false, so that it can be returned. */
static bool fail(struct reader *r, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool fail(struct reader *r, int line, const char *format, ...)
{
	int len = snprintf(r->why, r->why_size, "%s:%d: ", r->file, line);
	va_list args;

	if (len < 0 || (size_t)len >= r->why_size)
		return false;
	va_start(args, format);
	vsnprintf(r->why + len, r->why_size - (size_t)len, format, args);
	va_end(args);
	return false;
}

static int line_of(yaml_mark_t mark)
{
	return (int)mark.line + 1; /* the size limit keeps it small */
}

/* The line of a byte; libyaml gives no mark for what is wrong with the encoding. */
static int line_at(struct str text, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < offset && i < text.len; i++)
		line += text.p[i] == '\n';
	return line;
}

/* The next event, which the caller deletes. */
static bool next(struct reader *r, yaml_event_t *ret_event)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem;

	if (yaml_parser_parse(&r->parser, ret_event))
		return true;
	problem = p->problem != NULL ? p->problem : "no reason is known";
	if (p->error == YAML_READER_ERROR)
		return fail(r, line_at(r->text, p->problem_offset), "not UTF-8 text: %s", problem);
	return fail(r, line_of(p->problem_mark), "not valid YAML: %s", problem);
}

static bool is_known_tag(const char *tag)
{
	static const char *const known[] = {
		YAML_STR_TAG, YAML_INT_TAG, YAML_BOOL_TAG, YAML_FLOAT_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(tag, known[i]) == 0)
			return true;
	}
	return false;
}

/* Refuses anchors and own tags; event is a scalar or the start of a list or map. */
static bool check_node(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *anchor = event->data.scalar.anchor, *tag = event->data.scalar.tag;
	int line = line_of(event->start_mark);

	if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor != NULL)
		return fail(r, line, "anchors (&%.40s) are not taken here", (const char *)anchor);
	if (tag != NULL && !is_known_tag((const char *)tag))
		return fail(r, line, "the tag %.80s is not known here", (const char *)tag);
	return true;
}

/* Checks a scalar and copies its text. */
static bool scalar_read(struct reader *r, const yaml_event_t *event, char **ret_text)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (!check_node(r, event))
		return false;
	if (memchr(value, '\0', len) != NULL)
		return fail(r, line_of(event->start_mark), "a value holds a NUL byte");
	*ret_text = mem_strndup(value, len);
	return true;
}

/* A scalar that YAML reads as null. */
static bool is_null(const yaml_event_t *event)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp((const char *)event->data.scalar.value, words[i]) == 0)
			return true;
	}
	return false;
}

/* A new entry of the name being read; NULL if there is one already, or if there are too many. */
static struct yaml_entry *entry_add(struct reader *r, int line, enum entry_kind kind)
{
	struct yaml_entries *e = r->at.entries;

	for (size_t i = 0; i < e->n; i++) {
		if (strcmp(e->v[i].name, r->at.name) == 0) {
			fail(r, line, "%s: given already in line %d", r->at.name, e->v[i].line);
			return NULL;
		}
	}
	if (e->n == YAML_MAX_ENTRIES) {
		fail(r, line, "more than %d options", YAML_MAX_ENTRIES);
		return NULL;
	}
	e->v = mem_realloc(e->v, (e->n + 1) * sizeof(*e->v));
	e->v[e->n] = (struct yaml_entry){.name = mem_strdup(r->at.name), .line = line, .kind = kind};
	return &e->v[e->n++];
}

static bool map_read(struct reader *r);

/* The members of a map that is an item of a list. They are entries of their own, with names of their own. */
static bool item_map_read(struct reader *r, struct yaml_map *map)
{
	struct place outer = r->at;
	bool is_ok;

	r->at = (struct place){.entries = &map->entries, .is_in_list = true};
	is_ok = map_read(r);
	r->at = outer;
	return is_ok;
}

/* An item of a list that is a map. */
static bool map_item_read(struct reader *r, struct yaml_entry *entry, int line)
{
	if (r->at.is_in_list || entry->items_n != 0)
		return fail(r, line, "%s: the items of a list are plain values here", entry->name);
	entry->kind = ENTRY_MAPS;
	entry->maps = mem_realloc(entry->maps, (entry->maps_n + 1) * sizeof(*entry->maps));
	entry->maps[entry->maps_n] = (struct yaml_map){.line = line};
	return item_map_read(r, &entry->maps[entry->maps_n++]);
}

/* One item of a list. */
static bool item_read(struct reader *r, struct yaml_entry *entry, const yaml_event_t *event)
{
	int line = line_of(event->start_mark);
	char *text = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		return fail(r, line, "%s: aliases (*%.40s) are not taken here", entry->name, (char *)event->data.alias.anchor);
	if (++r->items_n > YAML_MAX_ITEMS)
		return fail(r, line, "%s: more than %d items in lists", entry->name, YAML_MAX_ITEMS);
	if (event->type == YAML_MAPPING_START_EVENT)
		return check_node(r, event) && map_item_read(r, entry, line);
	if (event->type != YAML_SCALAR_EVENT)
		return fail(r, line, "%s: the items of a list are plain values here", entry->name);
	if (entry->kind == ENTRY_MAPS)
		return fail(r, line, "%s: a map was expected here, like the items before", entry->name);
	if (!scalar_read(r, event, &text))
		return false;
	entry->items = mem_realloc(entry->items, (entry->items_n + 1) * sizeof(*entry->items));
	entry->items[entry->items_n++] = text;
	return true;
}

/* The items of a list up to its end. */
static bool list_read(struct reader *r, int line)
{
	struct yaml_entry *entry = entry_add(r, line, ENTRY_LIST);
	bool is_ok = entry != NULL, is_end = false;

	while (is_ok && !is_end) {
		yaml_event_t event;

		if (!next(r, &event))
			return false;
		is_end = event.type == YAML_SEQUENCE_END_EVENT;
		is_ok = is_end || item_read(r, entry, &event);
		yaml_event_delete(&event);
	}
	return is_ok;
}

/* A map below the name being read. An empty one leaves an entry, lest it pass unseen. */
static bool section_read(struct reader *r, int line)
{
	size_t before = r->at.entries->n;

	if (r->at.depth == YAML_MAX_DEPTH)
		return fail(r, line, "%s: more than %d levels", r->at.name, YAML_MAX_DEPTH);
	r->at.depth++;
	if (!map_read(r))
		return false;
	r->at.depth--;
	return r->at.entries->n > before || entry_add(r, line, ENTRY_EMPTY) != NULL;
}

/* What stands behind the name in that line. */
static bool value_read(struct reader *r, const yaml_event_t *event, int line)
{
	struct yaml_entry *entry;
	char *text = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		return fail(r, line, "%s: aliases (*%.40s) are not taken here", r->at.name, (char *)event->data.alias.anchor);
	if (!check_node(r, event))
		return false;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return list_read(r, line);
	if (event->type == YAML_MAPPING_START_EVENT)
		return section_read(r, line);
	if (is_null(event))
		return entry_add(r, line, ENTRY_EMPTY) != NULL;
	if (!scalar_read(r, event, &text))
		return false;
	entry = entry_add(r, line, ENTRY_TEXT);
	if (entry == NULL)
		mem_free(text);
	else
		entry->text = text;
	return entry != NULL;
}

/* Appends a key to the name being read. */
static bool name_push(struct reader *r, const yaml_event_t *event)
{
	const char *dot = r->at.name_len != 0 ? "." : "";
	int line = line_of(event->start_mark), len;
	char *key = NULL;

	if (event->type != YAML_SCALAR_EVENT)
		return fail(r, line, "the name of an option was expected here");
	if (!scalar_read(r, event, &key))
		return false;
	len = snprintf(r->at.name + r->at.name_len, sizeof(r->at.name) - r->at.name_len, "%s%s", dot, key);
	mem_free(key);
	if (len <= (int)strlen(dot))
		return fail(r, line, "a name is empty");
	if ((size_t)len >= sizeof(r->at.name) - r->at.name_len)
		return fail(r, line, "a name is longer than %d bytes", YAML_NAME_MAX_BYTES);
	r->at.name_len += (size_t)len;
	return true;
}

/* One member of a map, of which the key has been read. */
static bool member_read(struct reader *r, const yaml_event_t *key)
{
	size_t outer_len = r->at.name_len;
	yaml_event_t value;
	bool is_ok;

	if (!name_push(r, key) || !next(r, &value))
		return false;
	is_ok = value_read(r, &value, line_of(key->start_mark));
	yaml_event_delete(&value);
	r->at.name_len = outer_len;
	r->at.name[outer_len] = '\0';
	return is_ok;
}

/* The members of a map up to its end. */
static bool map_read(struct reader *r)
{
	bool is_ok = true, is_end = false;

	while (is_ok && !is_end) {
		yaml_event_t key;

		if (!next(r, &key))
			return false;
		is_end = key.type == YAML_MAPPING_END_EVENT;
		is_ok = is_end || member_read(r, &key);
		yaml_event_delete(&key);
	}
	return is_ok;
}

/* The node of a document: a map, or nothing at all. */
static bool root_read(struct reader *r)
{
	yaml_event_t event;
	bool is_ok;

	if (!next(r, &event))
		return false;
	if (event.type == YAML_MAPPING_START_EVENT)
		is_ok = check_node(r, &event) && map_read(r);
	else if (event.type == YAML_SCALAR_EVENT && is_null(&event))
		is_ok = check_node(r, &event);
	else
		is_ok = fail(r, line_of(event.start_mark), "the file is no list of \"option: value\"");
	yaml_event_delete(&event);
	return is_ok;
}

/* The whole stream: at most one document. */
static bool stream_read(struct reader *r)
{
	bool is_ok = true, is_end = false;
	int documents = 0;

	while (is_ok && !is_end) {
		yaml_event_t event;

		if (!next(r, &event))
			return false;
		is_end = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT) {
			is_ok = documents++ == 0 ? root_read(r)
						 : fail(r, line_of(event.start_mark), "only one document is taken here");
		}
		yaml_event_delete(&event);
	}
	return is_ok;
}

struct yaml_entries *yaml_read_text(struct str text, const char *name, char *ret_why, size_t size)
{
	struct reader r = {.text = text, .file = name, .why = ret_why, .why_size = size};
	bool is_ok;

	if (!yaml_parser_initialize(&r.parser)) {
		snprintf(ret_why, size, "%s: the YAML reader cannot start", name);
		return NULL;
	}
	r.at.entries = mem_calloc(1, sizeof(*r.at.entries));
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len != 0 ? text.p : ""), text.len);
	is_ok = stream_read(&r);
	yaml_parser_delete(&r.parser);
	if (is_ok)
		return r.at.entries;
	yaml_entries_free(r.at.entries);
	return NULL;
}

struct yaml_entries *yaml_read_file(const char *file, char *ret_why, size_t size)
{
	struct yaml_entries *entries = NULL;
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t len;

	if (f == NULL) {
		snprintf(ret_why, size, "%s: cannot be opened: %s", file, strerror(errno));
		return NULL;
	}
	text = mem_alloc(YAML_FILE_MAX_BYTES + 1);
	len = fread(text, 1, YAML_FILE_MAX_BYTES + 1, f);
	if (ferror(f))
		snprintf(ret_why, size, "%s: cannot be read: %s", file, strerror(errno));
	else if (len > YAML_FILE_MAX_BYTES)
		snprintf(ret_why, size, "%s: is larger than %d bytes", file, YAML_FILE_MAX_BYTES);
	else
		entries = yaml_read_text((struct str){text, len}, file, ret_why, size);
	mem_free(text);
	fclose(f);
	return entries;
}

/* What the entries hold, not the struct itself. */
static void entries_clear(struct yaml_entries *entries)
{
	for (size_t i = 0; i < entries->n; i++) {
		struct yaml_entry *e = &entries->v[i];

		for (size_t j = 0; j < e->items_n; j++)
			mem_free(e->items[j]);
		for (size_t j = 0; j < e->maps_n; j++)
			entries_clear(&e->maps[j].entries); /* once: maps hold no maps */
		mem_free(e->items);
		mem_free(e->maps);
		mem_free(e->text);
		mem_free(e->name);
	}
	mem_free(entries->v);
}

void yaml_entries_free(struct yaml_entries *entries)
{
	if (entries == NULL)
		return;
	entries_clear(entries);
	mem_free(entries);
}
