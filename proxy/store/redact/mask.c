/* Masks secrets in URLs. Not for the flow database and its exports: redact.h, whose names come from the configuration. */
#include "store/redact/mask.h"

#include "store/redact/url_cover.h"

static const char *const secret_names[] = {"access_token", "api_key", "apikey", "auth", "client_secret", "code", "id_token",
	"key", "passwd", "password", "pwd", "refresh_token", "secret", "sig", "signature", "token", "x-amz-credential",
	"x-amz-security-token", "x-amz-signature", "x-goog-signature"};

static bool is_secret(const void *owner, struct str name)
{
	(void)owner;
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		if (str_ieq(name, str_of(secret_names[i])))
			return true;
	}
	return false;
}

static bool put_stars(const void *owner, struct text *t, struct str secret)
{
	(void)owner;
	(void)secret;
	text_put(t, STR("***"));
	return true;
}

void mask_url(struct text *t, struct str url)
{
	static const struct url_cover cover = {is_secret, put_stars, NULL};

	url_cover_url(&cover, t, url);
}
