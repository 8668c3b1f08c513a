/* What the types of options cannot tell: addresses, networks, ports, names, files, and how options fit together; and what is
 * made from them. Each check is a function that either fills in its part or writes the message. */
#include "base/mem.h"
#include "config/paths.h"
#include "config/printable.h"
#include "config/readable.h"
#include "config/settings_build.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum {
	HOST_NAME_MAX_BYTES = 253, /* RFC 1035 section 2.3.4, as text */
	LABEL_MAX_BYTES = 63,
	DNS_PORT = 53,
	REASON_BYTES = 400,
};

static bool check_listen(struct settings_build *b)
{
	const struct text_list *list = &b->s->listen;
	char shown[PRINTABLE_BYTES];

	b->s->listen_addresses = mem_calloc(list->n, sizeof(*b->s->listen_addresses));
	for (size_t i = 0; i < list->n; i++) {
		if (!address_parse_listen(str_of(list->v[i]), &b->s->listen_addresses[i])) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_listen, "%s is not ADDRESS:PORT (like 127.0.0.1:8080 or [::1]:8080)", shown);
		}
	}
	return true;
}

static bool check_inspector(struct settings_build *b)
{
	struct str text = str_trim(str_of(b->s->inspector));
	char shown[PRINTABLE_BYTES];

	b->s->has_inspector = !str_eq(text, STR("off"));
	if (!b->s->has_inspector || address_parse_listen(text, &b->s->inspector_address))
		return true;
	printable_show(text, shown);
	return build_fail(b, OPT_inspector, "%s is neither ADDRESS:PORT (like 127.0.0.1:8081) nor off", shown);
}

/* True if both cannot be bound: the same port, and the same host or one that stands for all of its family. */
static bool is_overlap(const struct address *a, const struct address *c)
{
	bool is_any = address_is_unspecified(a) || address_is_unspecified(c);

	if (address_port(a) == 0 || address_port(a) != address_port(c))
		return false;
	return address_eq_host(a, c) || (is_any && a->ss.ss_family == c->ss.ss_family);
}

/* Each address is listened on once. */
static bool check_overlaps(struct settings_build *b)
{
	const struct settings *s = b->s;
	char one[ADDRESS_TEXT_BYTES], other[ADDRESS_TEXT_BYTES];

	for (size_t i = 0; i < s->listen.n; i++) {
		const struct address *a = &s->listen_addresses[i];

		for (size_t j = 0; j < i; j++) {
			if (is_overlap(a, &s->listen_addresses[j])) {
				address_format(a, one);
				address_format(&s->listen_addresses[j], other);
				return build_fail(b, OPT_listen, "%s and %s are the same or overlap", other, one);
			}
		}
		if (s->has_inspector && is_overlap(a, &s->inspector_address)) {
			address_format(a, one);
			address_format(&s->inspector_address, other);
			return build_fail(b, build_later(b, OPT_listen, OPT_inspector),
				"the proxy's address %s and the inspector's %s are the same or overlap", one, other);
		}
	}
	return true;
}

/* True if the list is the one word all. */
static bool is_all(const struct text_list *list)
{
	return list->n == 1 && strcmp(list->v[0], "all") == 0;
}

static bool check_clients(struct settings_build *b)
{
	struct settings *s = b->s;
	const struct text_list *list = &s->access_clients;
	char shown[PRINTABLE_BYTES];

	s->clients_all = is_all(list);
	if (s->clients_all)
		return true;
	s->client_networks = mem_calloc(list->n, sizeof(*s->client_networks));
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], "all") == 0)
			return build_fail(b, OPT_access_clients, "all stands alone or not at all");
		if (!network_parse(str_of(list->v[i]), &s->client_networks[i])) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_access_clients,
				"%s is not a network (like 10.0.0.0/8 or ::1; bits beyond the prefix must be 0) or all", shown);
		}
	}
	s->client_networks_n = list->n;
	return true;
}

static bool check_ports(struct settings_build *b)
{
	struct settings *s = b->s;
	const struct text_list *list = &s->connect_ports;
	char shown[PRINTABLE_BYTES];

	s->ports_all = is_all(list);
	if (s->ports_all)
		return true;
	s->ports = mem_calloc(list->n, sizeof(*s->ports));
	for (size_t i = 0; i < list->n; i++) {
		uint64_t port;

		if (strcmp(list->v[i], "all") == 0)
			return build_fail(b, OPT_connect_ports, "all stands alone or not at all");
		if (!str_to_u64(str_of(list->v[i]), UINT16_MAX, &port) || port == 0) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_connect_ports, "%s is not a port (1 to 65535) or all", shown);
		}
		s->ports[i] = (uint16_t)port;
	}
	s->ports_n = list->n;
	return true;
}

/* An address with or without a port; the forms of address_parse_listen that stand for all addresses are none here. */
static bool is_server(struct str text)
{
	struct address a;

	if (address_parse(text, DNS_PORT, &a))
		return !address_is_unspecified(&a);
	return address_parse_listen(text, &a) && address_port(&a) != 0 && !address_is_unspecified(&a);
}

static bool check_dns(struct settings_build *b)
{
	const struct text_list *list = &b->s->dns_servers;
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < list->n; i++) {
		if (!is_server(str_of(list->v[i]))) {
			printable_show(str_of(list->v[i]), shown);
			return build_fail(b, OPT_dns_servers, "%s is not an address (like 9.9.9.9, ::1 or 127.0.0.1:5353)",
				shown);
		}
	}
	if (b->s->dns_min_ttl_ms > b->s->dns_max_ttl_ms)
		return build_fail(b, build_later(b, OPT_dns_max_ttl_ms, OPT_dns_min_ttl_ms),
			"dns.min_ttl is above dns.max_ttl");
	return true;
}

/* A host name as it may stand in a URL: labels of letters, digits, hyphens and underscores; a final dot is no part of it. */
static bool is_host_name(struct str name)
{
	size_t label = 0;

	if (name.len == 0 || name.len > HOST_NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];
		bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (c == '.' && label != 0)
			label = 0;
		else if (!(is_alnum || c == '-' || c == '_') || ++label > LABEL_MAX_BYTES)
			return false;
	}
	return label != 0;
}

static bool check_hosts(struct settings_build *b)
{
	const struct text_list *list = &b->s->hosts;
	char shown[PRINTABLE_BYTES];

	for (size_t i = 0; i < list->n; i++) {
		struct str entry = str_of(list->v[i]);
		size_t equals = str_find(entry, '=');
		struct address a;

		if (equals == entry.len || !is_host_name(str_first(entry, equals)) ||
			!address_parse(str_from(entry, equals + 1), 0, &a)) {
			printable_show(entry, shown);
			return build_fail(b, OPT_hosts, "%s is not name=address (like api.example=127.0.0.1)", shown);
		}
	}
	return true;
}

/* What goes into fields of messages. */
static bool check_field_texts(struct settings_build *b)
{
	char shown[PRINTABLE_BYTES];

	if (*b->s->via != '\0' && !str_is_token(str_of(b->s->via))) {
		printable_show(str_of(b->s->via), shown);
		return build_fail(b, OPT_via, "%s is not a token (letters, digits and some punctuation, no space)", shown);
	}
	if (strpbrk(b->s->access_realm, "\"\\") != NULL)
		return build_fail(b, OPT_access_realm, "quotes and backslashes cannot stand in it");
	return true;
}

/* The data folder by default; it may not be there yet, but nothing else may be in its place. */
static bool check_data(struct settings_build *b)
{
	char **data = &b->s->data;
	struct stat st;

	if (**data == '\0') {
		char *folder = paths_data(b->source->environ);

		if (folder == NULL)
			return build_fail(b, OPT_data, "neither XDG_STATE_HOME nor HOME is set; say where with --data");
		mem_free(*data);
		*data = folder;
	}
	if (stat(*data, &st) == 0 && !S_ISDIR(st.st_mode))
		return build_fail(b, OPT_data, "%s is not a folder", *data);
	return true;
}

static bool check_users(struct settings_build *b)
{
	char reason[REASON_BYTES];

	if (*b->s->access_users_file == '\0')
		return true;
	b->s->users = users_load(b->s->access_users_file, reason, sizeof(reason));
	return b->s->users != NULL || build_fail(b, OPT_access_users_file, "%s", reason);
}

/* Whether the file can be read; what is in it is for TLS to judge. */
static bool check_ca_file(struct settings_build *b)
{
	char reason[REASON_BYTES];

	if (*b->s->upstream_ca_file == '\0' || readable_check(b->s->upstream_ca_file, reason, sizeof(reason)))
		return true;
	return build_fail(b, OPT_upstream_ca_file, "%s", reason);
}

/* The folder of the access log must be there: the log is opened anew on SIGHUP, when it would be too late to complain. */
static bool check_log_access(struct settings_build *b)
{
	const char *file = b->s->log_access;
	struct stat st;
	char *folder;
	bool is_ok = true;

	if (*file == '\0')
		return true;
	folder = paths_folder(file);
	if (stat(folder, &st) != 0)
		is_ok = build_fail(b, OPT_log_access, "%s: its folder: %s", file, strerror(errno));
	else if (!S_ISDIR(st.st_mode) || (stat(file, &st) == 0 && S_ISDIR(st.st_mode)))
		is_ok = build_fail(b, OPT_log_access, "%s: is a folder, or lies in none", file);
	mem_free(folder);
	return is_ok;
}

/* Limits that depend on each other, and what the codec gets of them. */
static bool check_limits(struct settings_build *b)
{
	const struct settings *s = b->s;
	struct codec_limits *codec = &b->s->codec_limits, usual;

	if (s->limit_request_line > s->limit_head)
		return build_fail(b, build_later(b, OPT_limit_head, OPT_limit_request_line),
			"limits.request_line is above limits.head, of which it is a part");
	codec_limits_default(&usual);
	*codec = usual;
	codec->request_line = (size_t)s->limit_request_line;
	codec->head = (size_t)s->limit_head;
	codec->fields = (size_t)s->limit_fields;
	codec->buffer = (size_t)s->limit_buffer;
	/* An exchange keeps a few copies of its heads, and arrays of their fields. */
	if (codec->head > usual.head)
		codec->arena += 4 * (codec->head - usual.head);
	if (codec->fields > usual.fields)
		codec->arena += 128 * (codec->fields - usual.fields);
	return true;
}

bool build_check(struct settings_build *b)
{
	static bool (*const checks[])(struct settings_build *) = {
		check_listen,
		check_inspector,
		check_overlaps,
		check_clients,
		check_ports,
		check_dns,
		check_hosts,
		check_field_texts,
		check_limits,
		build_check_follow,
		build_check_intercept,
		build_check_capture,
		check_data,
		check_ca_file,
		check_log_access,
		check_users,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!checks[i](b))
			return false;
	}
	return true;
}
