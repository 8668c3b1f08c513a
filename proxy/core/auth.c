/* See auth.h. A job goes from a worker to the verifier's thread and comes back as a post; whoever holds it may free it, so it carries
 * copies and counts on nothing of the asker but a pointer that the worker clears when the asker goes. */
#include "core/auth.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { QUEUE_MAX = 256, REMEMBERED = 64, CREDENTIALS_MAX = 1024 };

struct auth_job {
	struct post post; /* first: the worker gets it back by this */
	struct list node;
	struct auth *auth;
	struct auth_ask *ask; /* NULL: nobody waits any more; the worker's thread only */
	struct settings *settings;
	struct str credentials, name, password; /* in text */
	struct str user;                        /* for the asker; in its arena */
	bool is_right;
	atomic_bool is_cancelled; /* told to the verifier, so that guessers who hang up do not keep it busy */
	char text[];
};

struct verifier {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct list jobs;
	size_t jobs_n;
	bool is_over;
};

struct remembered {
	struct settings *settings; /* of another configuration nothing is remembered; NULL: free */
	char *credentials;
	size_t len;
};

struct auth {
	struct loop *loop;
	struct verifier *verifier;
	struct remembered known[REMEMBERED];
	unsigned next;
};

static void job_free(struct auth_job *j)
{
	settings_unref(j->settings);
	explicit_bzero(j->text, j->credentials.len + j->name.len + j->password.len);
	mem_free(j);
}

static void *verifier_main(void *arg)
{
	struct verifier *v = arg;

	pthread_mutex_lock(&v->lock);
	for (;;) {
		struct list *node;
		struct auth_job *j;
		bool is_over;

		while ((node = list_take(&v->jobs)) == NULL && !v->is_over)
			pthread_cond_wait(&v->work, &v->lock);
		if (node == NULL)
			break;
		v->jobs_n--;
		is_over = v->is_over;
		pthread_mutex_unlock(&v->lock);
		j = LIST_ITEM(node, struct auth_job, node);
		/* At the end a full queue would be seconds of work for nobody. */
		j->is_right = !is_over && !atomic_load(&j->is_cancelled) &&
			users_verify(j->settings->users, j->name, j->password);
		loop_post(j->auth->loop, &j->post);
		pthread_mutex_lock(&v->lock);
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

struct verifier *verifier_new(void)
{
	struct verifier *v = mem_calloc(1, sizeof(*v));

	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->work, NULL);
	list_init(&v->jobs);
	if (pthread_create(&v->thread, NULL, verifier_main, v) != 0) {
		mem_free(v);
		return NULL;
	}
	return v;
}

void verifier_free(struct verifier *v)
{
	if (v == NULL)
		return;
	pthread_mutex_lock(&v->lock);
	v->is_over = true;
	pthread_cond_signal(&v->work);
	pthread_mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	pthread_cond_destroy(&v->work);
	pthread_mutex_destroy(&v->lock);
	mem_free(v);
}

struct auth *auth_new(struct loop *l, struct verifier *v)
{
	struct auth *a = mem_calloc(1, sizeof(*a));

	a->loop = l;
	a->verifier = v;
	return a;
}

static void forget(struct remembered *k)
{
	settings_unref(k->settings);
	if (k->credentials != NULL)
		explicit_bzero(k->credentials, k->len);
	mem_free(k->credentials);
	*k = (struct remembered){0};
}

void auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < REMEMBERED; i++)
		forget(&a->known[i]);
	mem_free(a);
}

/* Compares in a time that depends on the lengths only. */
static bool is_equal(const char *a, const char *b, size_t n)
{
	unsigned char difference = 0;

	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

static bool is_remembered(const struct auth *a, const struct settings *settings, struct str credentials)
{
	bool found = false;

	for (unsigned i = 0; i < REMEMBERED; i++) {
		const struct remembered *k = &a->known[i];

		if (k->settings == settings && k->len == credentials.len && is_equal(k->credentials, credentials.p, k->len))
			found = true;
	}
	return found;
}

static void remember(struct auth *a, const struct auth_job *j)
{
	struct remembered *k = &a->known[a->next++ % REMEMBERED];

	forget(k);
	k->settings = settings_ref(j->settings);
	k->credentials = mem_strndup(j->credentials.p, j->credentials.len);
	k->len = j->credentials.len;
}

static void job_on_post(struct post *p)
{
	struct auth_job *j = (struct auth_job *)p;

	if (j->is_right)
		remember(j->auth, j);
	if (j->ask != NULL) {
		j->ask->job = NULL;
		j->ask->verdict = j->is_right ? AUTH_RIGHT : AUTH_WRONG;
		if (j->is_right)
			j->ask->user = j->user;
		j->ask->on_change(j->ask->owner);
	}
	job_free(j);
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Decodes a token68 into the arena; p NULL if it is not base64. */
static struct str base64_decode(struct arena *arena, struct str s)
{
	char *out = arena_alloc(arena, s.len * 3 / 4 + 1);
	size_t n = 0;
	uint32_t bits = 0;
	unsigned have = 0;

	while (s.len > 0 && s.p[s.len - 1] == '=')
		s.len--;
	if (out == NULL || s.len % 4 == 1)
		return STR_NONE;
	for (size_t i = 0; i < s.len; i++) {
		int digit = base64_digit(s.p[i]);

		if (digit < 0)
			return STR_NONE;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have);
		}
	}
	return (struct str){out, n};
}

/* The user-id and password of Basic credentials; false if the field holds none. */
static bool parse_basic(struct arena *arena, struct str field, struct str *ret_name, struct str *ret_password)
{
	struct str pair;
	size_t colon;

	if (!str_istarts(field, STR("Basic ")) || field.len > CREDENTIALS_MAX)
		return false;
	pair = base64_decode(arena, str_trim(str_from(field, 6)));
	if (pair.p == NULL)
		return false;
	colon = str_find(pair, ':');
	if (colon == pair.len || memchr(pair.p, '\0', pair.len) != NULL)
		return false;
	*ret_name = str_first(pair, colon);
	*ret_password = str_from(pair, colon + 1);
	return true;
}

static struct str job_put(struct auth_job *j, size_t *used, struct str s)
{
	struct str copy = {j->text + *used, s.len};

	memcpy(j->text + *used, s.p, s.len);
	*used += s.len;
	return copy;
}

static struct auth_job *job_new(struct auth *a, struct settings *settings, struct str field, struct str name,
	struct str password)
{
	struct auth_job *j = mem_alloc(sizeof(*j) + field.len + name.len + password.len);
	size_t used = 0;

	*j = (struct auth_job){.post.run = job_on_post, .auth = a, .settings = settings_ref(settings)};
	list_init(&j->node);
	list_init(&j->post.node);
	j->credentials = job_put(j, &used, field);
	j->name = job_put(j, &used, name);
	j->password = job_put(j, &used, password);
	return j;
}

/* False when too many wait already. */
static bool verifier_queue(struct verifier *v, struct auth_job *j)
{
	bool fits;

	pthread_mutex_lock(&v->lock);
	fits = v->jobs_n < QUEUE_MAX;
	if (fits) {
		list_append(&v->jobs, &j->node);
		v->jobs_n++;
		pthread_cond_signal(&v->work);
	}
	pthread_mutex_unlock(&v->lock);
	return fits;
}

void auth_check(struct auth *a, struct auth_ask *ask, struct settings *settings, struct str field, struct arena *arena)
{
	struct str name, password;
	struct auth_job *j;

	ask->verdict = AUTH_WRONG;
	if (field.p == NULL || !parse_basic(arena, field, &name, &password))
		return;
	if (is_remembered(a, settings, field)) {
		ask->user = name;
		ask->verdict = AUTH_RIGHT;
		return;
	}
	j = job_new(a, settings, field, name, password);
	j->user = name;
	j->ask = ask;
	/* A guesser may fill the queue: then everybody unknown is told "wrong" and may ask again, and nobody known is touched. */
	if (!verifier_queue(a->verifier, j)) {
		job_free(j);
		return;
	}
	ask->job = j;
	ask->verdict = AUTH_WAIT;
}

void auth_cancel(struct auth_ask *ask)
{
	if (ask->job != NULL) {
		ask->job->ask = NULL;
		atomic_store(&ask->job->is_cancelled, true);
	}
	ask->job = NULL;
}
