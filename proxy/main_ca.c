/* See main_ca.h. */
#include "main_ca.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WHY_BYTES = 512, RETRY_US = 10 * 1000000 };

struct vault {
	struct vault_needs needs;
	pthread_mutex_t lock;
	struct settings *settings;
	struct ca *ca;    /* NULL: none yet */
	int64_t retry_us; /* after a failure: not to be tried again before */
};

/* Where the settings have the CA. A configuration without a flow database has a data folder all the same: the CA is what trust
 * hangs on, so it must be the same at the next start. */
static struct ca_place place_of(const struct vault *v, const struct settings *s, char **ret_folder)
{
	size_t size = strlen(v->needs.data) + sizeof("/ca");
	char *folder = mem_alloc(size);

	snprintf(folder, size, "%s/ca", v->needs.data);
	*ret_folder = folder;
	return (struct ca_place){
		.folder = folder,
		.cert = s->ca_cert,
		.key = s->ca_key,
		.name_constraints = (const char *const *)s->ca_name_constraints.v,
		.name_constraints_n = s->ca_name_constraints.n,
	};
}

bool vault_is_needed(const struct settings *s)
{
	return s->intercept != INTERCEPT_NONE;
}

bool vault_find(const struct vault *v, const struct settings *s, bool is_wanted, struct ca **ret_ca, char *ret_why, size_t size)
{
	char *folder, warning[WHY_BYTES] = "", why[WHY_BYTES] = "";
	struct ca_place place = place_of(v, s, &folder);
	struct ca *ca = NULL;
	bool is_there = ca_files_exist(&place);

	if (is_wanted)
		ca = ca_files_need(&place, warning, why, WHY_BYTES);
	else if (is_there)
		ca = ca_files_load(&place, warning, why, WHY_BYTES);
	mem_free(folder);
	if (ca == NULL && (is_wanted || is_there)) {
		snprintf(ret_why, size, "%s", why);
		return false;
	}
	if (warning[0] != '\0')
		log_warn("%s", warning);
	/* It was made when the option said something else; nobody shall believe in limits that are none. */
	if (ca != NULL && s->ca_name_constraints.n > 0 && ca_constraints(ca)[0] == '\0')
		log_warn(
			"ca.name_constraints: the CA that there is may sign for any name; a new one would keep to them: viaduct ca renew");
	*ret_ca = ca;
	return true;
}

void vault_own_spkis(const struct vault *v, const struct settings *s, const struct ca *ca, struct ca_spkis *ret)
{
	char *folder, warning[WHY_BYTES] = "";
	struct ca_place place = place_of(v, s, &folder);

	ca_files_own_spkis(&place, ca, ret, warning, sizeof(warning));
	mem_free(folder);
	if (warning[0] != '\0')
		log_warn("%s", warning);
}

struct vault *vault_new(const struct vault_needs *needs)
{
	struct vault *v = mem_calloc(1, sizeof(*v));

	v->needs = *needs;
	pthread_mutex_init(&v->lock, NULL);
	return v;
}

void vault_free(struct vault *v)
{
	if (v == NULL)
		return;
	settings_unref(v->settings);
	ca_unref(v->ca);
	pthread_mutex_destroy(&v->lock);
	mem_free(v);
}

void vault_use(struct vault *v, struct settings *s, struct ca *ca)
{
	pthread_mutex_lock(&v->lock);
	settings_unref(v->settings);
	v->settings = settings_ref(s);
	ca_unref(v->ca);
	v->ca = ca == NULL ? NULL : ca_ref(ca);
	v->retry_us = 0;
	leaves_set_ca(v->needs.leaves, ca);
	pthread_mutex_unlock(&v->lock);
}

/* Under the lock: looks for the CA now, or gives up for a while, so that requests for it do not keep a broken disk busy. */
static bool find_now(struct vault *v)
{
	int64_t now_us = clock_mono_us();
	char why[WHY_BYTES] = "";

	if (v->settings == NULL || now_us < v->retry_us)
		return false;
	if (!vault_find(v, v->settings, true, &v->ca, why, sizeof(why))) {
		log_error("%s", why);
		v->retry_us = now_us + RETRY_US;
		return false;
	}
	leaves_set_ca(v->needs.leaves, v->ca);
	log_info("the CA has been asked for: %s", ca_subject(v->ca));
	return true;
}

/* Whoever downloads the certificate before interception was ever on has it made here: the one time that a worker touches files,
 * once in the life of an installation. */
static struct ca *vault_need(void *owner)
{
	struct vault *v = owner;
	bool is_found = false;
	struct ca *ca;

	pthread_mutex_lock(&v->lock);
	if (v->ca == NULL)
		is_found = find_now(v);
	ca = v->ca == NULL ? NULL : ca_ref(v->ca);
	pthread_mutex_unlock(&v->lock);
	if (is_found)
		v->needs.on_found(v->needs.owner);
	return ca;
}

struct ca_source vault_source(struct vault *v)
{
	return (struct ca_source){.need = vault_need, .owner = v};
}

char *vault_pem_path(struct vault *v)
{
	char *path = NULL, *folder;

	pthread_mutex_lock(&v->lock);
	if (v->ca != NULL) {
		struct ca_place place = place_of(v, v->settings, &folder);

		path = ca_files_pem_path(&place);
		mem_free(folder);
	}
	pthread_mutex_unlock(&v->lock);
	return path;
}

void vault_remark(struct vault *v)
{
	char words[WHY_BYTES] = "";

	pthread_mutex_lock(&v->lock);
	if (v->ca != NULL)
		ca_files_remark(v->ca, clock_wall_us() / 1000000, words, sizeof(words));
	pthread_mutex_unlock(&v->lock);
	if (words[0] != '\0')
		log_warn("%s", words);
}
