/* Names and addresses of hosts, as certificates hold them. Not for: internationalised names, which come as punycode. */
#include "pki/host_name.h"

#include <arpa/inet.h>
#include <string.h>

enum { NAME_BYTES_MAX = 253, LABEL_BYTES_MAX = 63 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* ret_has_letter: whether anything but digits stands in it. */
static bool label_is_right(struct str label, bool *ret_has_letter)
{
	bool has_letter = false;

	for (size_t i = 0; i < label.len; i++) {
		if (!is_label_char(label.p[i]))
			return false;
		has_letter = has_letter || !is_digit(label.p[i]);
	}
	*ret_has_letter = has_letter;
	return label.len != 0 && label.len <= LABEL_BYTES_MAX;
}

bool host_name_is_domain(struct str text)
{
	bool has_letter = false;

	if (text.len == 0 || text.len > NAME_BYTES_MAX)
		return false;
	for (;;) {
		size_t end = str_find(text, '.');

		if (!label_is_right(str_first(text, end), &has_letter))
			return false;
		if (end == text.len)
			return has_letter;
		text = str_from(text, end + 1);
	}
}

size_t host_name_octets(struct str text, unsigned char ret[16])
{
	char literal[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(literal) || str_find(text, '\0') != text.len)
		return 0;
	memcpy(literal, text.p, text.len);
	literal[text.len] = '\0';
	if (inet_pton(AF_INET, literal, ret) == 1)
		return 4;
	return inet_pton(AF_INET6, literal, ret) == 1 ? 16 : 0;
}

static bool has_upper_case(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] >= 'A' && text.p[i] <= 'Z')
			return true;
	}
	return false;
}

bool host_name_read(struct str text, struct host_name *ret)
{
	struct host_name name = {.text = text};

	name.octets_n = host_name_octets(text, name.octets);
	if (name.octets_n == 0) {
		name.is_wildcard = str_starts(text, STR("*."));
		if (text.len > NAME_BYTES_MAX || has_upper_case(text) ||
			!host_name_is_domain(str_from(text, name.is_wildcard ? 2 : 0)))
			return false;
	}
	*ret = name;
	return true;
}
