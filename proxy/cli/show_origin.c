/* How the TLS of a hop looks to people: the leg, who the origin is by its certificate, and what was checked. All bytes from
 * outside are escaped. Not for the rest of a hop: show_chain.c. */
#include "cli/cli_show.h"
#include "cli/show_parts.h"
#include "store/format.h"

#include <inttypes.h>

enum { DAY_S = 86400 };

/* "2024-05-01 to 2024-08-01, 12 days left": as it was when the hop began. */
static void put_validity(struct text *t, const struct identity_view *i, int64_t at_us)
{
	int64_t left_s = i->not_after_s - at_us / 1000000;
	int64_t days = left_s / DAY_S;

	show_label(t, "valid");
	format_day_utc(t, i->not_before_s);
	text_put(t, STR(" to "));
	format_day_utc(t, i->not_after_s);
	if (left_s < 0)
		text_put(t, STR(", expired"));
	else
		text_printf(t, ", %" PRId64 " %s left", days, days == 1 ? "day" : "days");
	text_byte(t, '\n');
}

static void put_identity(struct text *t, const struct identity_view *i, int64_t at_us)
{
	show_line(t, "subject", i->subject);
	show_line(t, "issuer", i->issuer);
	show_line(t, "chain", i->chain);
	show_line(t, "SHA-256", i->certificate_sha256);
	if (i->spki_sha256.len > 0) {
		show_label(t, "key");
		text_put(t, STR("sha256/"));
		text_visible(t, i->spki_sha256);
		text_byte(t, '\n');
	}
	put_validity(t, i, at_us);
}

/* "changed    the issuer; before it was CN=… (3 times since 2024-05-01 14:03:22)": this hop, or one that was counted with it. */
static void put_change(struct text *t, const struct change_view *c, enum colour colour)
{
	show_label(t, "changed");
	format_colour(t, colour);
	text_put(t, STR("the "));
	text_visible(t, c->what);
	text_put(t, STR("; before it was "));
	text_legible(t, c->before.len > 0 ? c->before : STR("-"));
	if (c->times > 1) {
		text_printf(t, " (%" PRId64 " times since ", c->times);
		format_time_local(t, c->at_us, TIME_LONG);
		text_byte(t, ')');
	}
	format_colour_end(t, colour);
	text_byte(t, '\n');
}

static void put_unverified(struct text *t, struct str why, enum colour colour)
{
	show_label(t, "check");
	format_colour(t, colour);
	text_put(t, STR("not verified: "));
	text_legible(t, why);
	format_colour_end(t, colour);
	text_byte(t, '\n');
}

void show_origin(struct text *t, const struct hop_view *v, struct show_style style)
{
	const struct leg_view leg = {v->tls_version, v->tls_cipher, v->tls_alpn, v->tls_server_name, v->tls_resumed ? 1 : 0};
	enum colour colour = style.has_colour ? COLOUR_YELLOW : COLOUR_NONE;

	show_leg(t, "TLS", &leg);
	if (v->identity)
		put_identity(t, v->identity, v->started_us);
	if (v->identity_change)
		put_change(t, v->identity_change, str_eq(v->identity_change->what, STR("issuer")) ? colour : COLOUR_NONE);
	show_line(t, "pin", v->tls_pin);
	show_line(t, "staple", v->tls_staple);
	if (v->tls_unverified.len > 0)
		put_unverified(t, v->tls_unverified, colour);
}
