// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tls/pause.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

/**
 * struct pause_side - a stack, as the sanitizers need to know it
 * @context: where it goes on
 * @bottom: lowest address
 * @size: bytes
 * @fake: of AddressSanitizer
 * @fiber: of ThreadSanitizer
 */
struct pause_side {
	ucontext_t	context;
	const void	*bottom;
	size_t		size;
	void		*fake;
	void		*fiber;
};

/**
 * struct ktlsd_pause - a job, or a stack without one
 * @next: in the list of those without a job
 * @owner: of the job
 * @call: what runs
 * @arg: for @call
 * @value: what it returned
 * @returned: it has
 * @cancelled: it shall end
 * @map: guard page and stack
 * @map_len: bytes
 * @inside: the stack
 * @outside: stack of the caller of ktlsd_pause_run()
 * @valgrind: its number of the stack
 */
struct ktlsd_pause {
	struct ktlsd_pause		*next;
	struct ktlsd_pause_owner	*owner;
	int				(*call)(void *arg);
	void				*arg;
	int				value;
	bool				returned;
	bool				cancelled;
	void				*map;
	size_t				map_len;
	struct pause_side		inside;
	struct pause_side		outside;
	unsigned int			valgrind;
};

/**
 * struct pause_thread - the jobs of a thread
 * @current: the one that runs
 * @idle: stacks without a job
 * @idle_count: their number
 * @count: of jobs
 */
struct pause_thread {
	struct ktlsd_pause	*current;
	struct ktlsd_pause	*idle;
	unsigned int		idle_count;
	unsigned int		count;
};

static _Thread_local struct pause_thread pause_thread;

/* --- switching, as the sanitizers want to be told of it --- */

static void pause_switch(struct pause_side *from, struct pause_side *to)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
#ifdef __SANITIZE_THREAD__
	from->fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	swapcontext(&from->context, &to->context);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(from->fake, &to->bottom, &to->size);
#endif
}

/* Every job of a stack, one after the other. */
static void pause_main(void)
{
	struct ktlsd_pause *job = pause_thread.current;

#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(NULL, &job->outside.bottom, &job->outside.size);
#endif
	for (;;) {
		job->value = job->call(job->arg);
		job->returned = true;
		pause_switch(&job->inside, &job->outside);
	}
}

/* --- stacks --- */

static void pause_free_stack(struct ktlsd_pause *job)
{
#ifdef __SANITIZE_THREAD__
	if (job->inside.fiber)
		__tsan_destroy_fiber(job->inside.fiber);
#endif
#ifdef VALGRIND_STACK_DEREGISTER
	VALGRIND_STACK_DEREGISTER(job->valgrind);
#endif
	munmap(job->map, job->map_len);
	free(job);
}

/* A function of its own, as getcontext() may return twice. Return: false if that failed. */
static bool pause_make_context(struct pause_side *side)
{
	if (getcontext(&side->context))
		return false;
	side->context.uc_stack.ss_sp = (void *)side->bottom;
	side->context.uc_stack.ss_size = side->size;
	side->context.uc_link = NULL;
	makecontext(&side->context, pause_main, 0);
	return true;
}

static struct ktlsd_pause *pause_new_stack(void)
{
	struct ktlsd_pause *job = calloc(1, sizeof(*job));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *stack;

	if (!job)
		return NULL;
	job->map_len = page + KTLSD_PAUSE_STACK;
	job->map = mmap(NULL, job->map_len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (job->map == MAP_FAILED) {
		free(job);
		return NULL;
	}
	stack = (char *)job->map + page;
#ifdef VALGRIND_STACK_REGISTER
	job->valgrind = VALGRIND_STACK_REGISTER(stack, stack + KTLSD_PAUSE_STACK);
#endif
#ifdef __SANITIZE_THREAD__
	job->inside.fiber = __tsan_create_fiber(0);
#endif
	job->inside.bottom = stack;
	job->inside.size = KTLSD_PAUSE_STACK;
	/* The guard page: who overruns the stack must not reach other memory. */
	if (!mprotect(job->map, page, PROT_NONE) && pause_make_context(&job->inside))
		return job;
	pause_free_stack(job);
	return NULL;
}

static struct ktlsd_pause *pause_take_stack(void)
{
	struct ktlsd_pause *job = pause_thread.idle;

	if (!job)
		return pause_new_stack();
	pause_thread.idle = job->next;
	pause_thread.idle_count--;
	return job;
}

static void pause_give_stack(struct ktlsd_pause *job)
{
	if (pause_thread.idle_count >= KTLSD_PAUSE_IDLE_MAX) {
		pause_free_stack(job);
		return;
	}
	job->next = pause_thread.idle;
	pause_thread.idle = job;
	pause_thread.idle_count++;
}

/* --- jobs --- */

/* Runs the job until it pauses or returns. Return: as ktlsd_pause_run(). */
static int pause_continue(struct ktlsd_pause **job, int *ret_value)
{
	struct ktlsd_pause *outer = pause_thread.current, *now = *job;

	pause_thread.current = now;
	pause_switch(&now->outside, &now->inside);
	pause_thread.current = outer;
	if (!now->returned)
		return 1;
	*ret_value = now->value;
	*job = NULL;
	pause_thread.count--;
	pause_give_stack(now);
	return 0;
}

int ktlsd_pause_run(struct ktlsd_pause **job, struct ktlsd_pause_owner *owner,
		    int (*call)(void *arg), void *arg, int *ret_value)
{
	if (*job)
		return pause_continue(job, ret_value);
	if (pause_thread.count >= KTLSD_PAUSE_MAX)
		return -ENOBUFS;
	*job = pause_take_stack();
	if (!*job)
		return -ENOMEM;
	pause_thread.count++;
	(*job)->owner = owner;
	(*job)->call = call;
	(*job)->arg = arg;
	(*job)->returned = false;
	(*job)->cancelled = false;
	return pause_continue(job, ret_value);
}

int ktlsd_pause(void)
{
	struct ktlsd_pause *job = pause_thread.current;

	if (!job)
		return -EDEADLK;
	if (!job->cancelled)
		pause_switch(&job->inside, &job->outside);
	return job->cancelled ? -ECANCELED : 0;
}

struct ktlsd_pause_owner *ktlsd_pause_get_owner(void)
{
	return pause_thread.current ? pause_thread.current->owner : NULL;
}

void ktlsd_pause_cancel(struct ktlsd_pause **job)
{
	int value;

	if (!*job)
		return;
	(*job)->cancelled = true;
	/* It cannot pause any more. */
	pause_continue(job, &value);
}

bool ktlsd_pause_pending(void)
{
	return pause_thread.count;
}

void ktlsd_pause_flush(void)
{
	struct ktlsd_pause *job;

	while ((job = pause_thread.idle)) {
		pause_thread.idle = job->next;
		pause_free_stack(job);
	}
	pause_thread.idle_count = 0;
}
