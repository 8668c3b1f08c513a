/* Messages from other threads to a loop: a locked list, and an eventfd that wakes the loop when the list stops being empty. */
#include "net/loop.h"
#include "net/loop_internal.h"

#include <sys/eventfd.h>
#include <unistd.h>

static void on_posts(void *owner)
{
	struct loop *l = owner;
	uint64_t count;
	ssize_t n = read(l->posts_fd, &count, sizeof(count));

	(void)n; /* the count says nothing; an empty eventfd is fine */
	loop_posts_run(l);
}

bool loop_posts_init(struct loop *l)
{
	list_init(&l->posts);
	l->posts_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->posts_fd < 0)
		return false;
	if (pthread_mutex_init(&l->posts_lock, NULL) != 0) {
		close(l->posts_fd);
		return false;
	}
	l->posts_watch = watch_new(l, l->posts_fd, on_posts, l);
	if (l->posts_watch == NULL) {
		pthread_mutex_destroy(&l->posts_lock);
		close(l->posts_fd);
		return false;
	}
	return true;
}

void loop_posts_fini(struct loop *l)
{
	watch_free(l->posts_watch);
	close(l->posts_fd);
	pthread_mutex_destroy(&l->posts_lock);
}

bool loop_posts_run(struct loop *l)
{
	struct list taken;
	struct list *node;
	bool is_any;

	list_init(&taken);
	pthread_mutex_lock(&l->posts_lock);
	while ((node = list_take(&l->posts)) != NULL)
		list_append(&taken, node);
	pthread_mutex_unlock(&l->posts_lock);
	is_any = !list_is_empty(&taken);
	while ((node = list_take(&taken)) != NULL) {
		struct post *p = LIST_ITEM(node, struct post, node);

		p->run(p);
	}
	return is_any;
}

void loop_post(struct loop *l, struct post *p)
{
	const uint64_t one = 1;
	bool was_empty;

	pthread_mutex_lock(&l->posts_lock);
	was_empty = list_is_empty(&l->posts);
	list_append(&l->posts, &p->node);
	/* Under the lock: once it is released the loop may run the post, and with it may end. */
	if (was_empty) {
		ssize_t n = write(l->posts_fd, &one, sizeof(one));

		(void)n; /* fails only when the count is full, and then the loop is awake */
	}
	pthread_mutex_unlock(&l->posts_lock);
}
