// SPDX-License-Identifier: GPL-2.0-or-later
#include "relay.h"

/* The heap that the thread before leaves becomes this one's, with its first malloc(). */
static void *relay_main(void *arg)
{
	struct ktlsd_relay *relay = arg;
	bool has_before;
	pthread_t before;

	pthread_mutex_lock(&relay->lock);
	before = relay->before;
	has_before = relay->has_before;
	relay->has_before = false;
	pthread_mutex_unlock(&relay->lock);
	if (has_before)
		pthread_join(before, NULL);
	relay->run(relay->arg);
	return NULL;
}

int ktlsd_relay_start(struct ktlsd_relay *relay, void (*run)(void *arg), void *arg)
{
	int err;

	*relay = (struct ktlsd_relay){
		.run = run, .arg = arg, .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	pthread_mutex_lock(&relay->lock);
	err = -pthread_create(&relay->thread, NULL, relay_main, relay);
	pthread_mutex_unlock(&relay->lock);
	return err;
}

bool ktlsd_relay_pass(struct ktlsd_relay *relay)
{
	pthread_t before;
	bool passed;

	pthread_mutex_lock(&relay->lock);
	before = relay->thread;
	passed = !relay->ends && !pthread_create(&relay->thread, NULL, relay_main, relay);
	if (passed)
		relay->before = before;
	else
		relay->thread = before;
	relay->has_before = passed;
	pthread_mutex_unlock(&relay->lock);
	return passed;
}

void ktlsd_relay_join(struct ktlsd_relay *relay)
{
	pthread_t last;

	pthread_mutex_lock(&relay->lock);
	relay->ends = true;
	last = relay->thread;
	pthread_mutex_unlock(&relay->lock);
	pthread_join(last, NULL);
}
