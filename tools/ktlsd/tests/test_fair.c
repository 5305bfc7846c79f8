// SPDX-License-Identifier: GPL-2.0-or-later
/* Who makes room, in a table that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fair.h"

enum {
	FAIR_MAX	= 8,
};

#define FAIR_USER(uid, network)	((uint64_t)(uid) << 32 | (network))

/**
 * struct fair_row - a table that is full, and who wants room in it
 * @name: what it shows
 * @things: by age, the oldest first; a weight of 0 ends them
 * @user: who wants room
 * @need: how much
 * @goes: the index of the one that makes room, -1: none
 */
struct fair_row {
	const char	*name;
	struct {
		uint64_t		user;
		size_t			weight;
		enum ktlsd_fair_hold	hold;
	}		things[FAIR_MAX];
	uint64_t	user;
	size_t		need;
	int		goes;
};

#define A	FAIR_USER(1, 0)
#define B	FAIR_USER(2, 0)
#define B7	FAIR_USER(2, 7)
#define B8	FAIR_USER(2, 8)
#define FREE	KTLSD_FAIR_FREE
#define BUSY	KTLSD_FAIR_BUSY
#define STAYS	KTLSD_FAIR_STAYS

static const struct fair_row fair_table[] = {
	{ "a user replaces his own oldest",
	  { { A, 1, FREE }, { A, 1, FREE }, { B, 1, FREE } }, A, 1, 0 },
	{ "he does not replace what he waits for",
	  { { A, 1, BUSY }, { A, 1, BUSY }, { B, 1, FREE } }, A, 1, -1 },
	{ "others do",
	  { { A, 1, BUSY }, { A, 1, BUSY }, { A, 1, BUSY } }, B, 1, 0 },
	{ "first what nobody waits for",
	  { { A, 1, BUSY }, { A, 1, BUSY }, { A, 1, FREE } }, B, 1, 2 },
	{ "never what stays",
	  { { A, 1, STAYS }, { A, 1, BUSY }, { A, 1, BUSY } }, B, 1, 1 },
	{ "a user with nothing gets nothing from those with one each",
	  { { FAIR_USER(3, 0), 1, BUSY }, { FAIR_USER(4, 0), 1, BUSY } }, B, 1, -1 },
	{ "two with as many do not push out each other",
	  { { A, 1, BUSY }, { B, 1, BUSY }, { A, 1, BUSY }, { B, 1, BUSY } }, A, 1, -1 },
	{ "the largest network of the largest uid makes room",
	  { { B8, 1, BUSY }, { A, 1, BUSY }, { B7, 1, BUSY }, { B7, 1, BUSY } }, A, 1, 2 },
	{ "networks of one uid likewise",
	  { { A, 1, FREE }, { B8, 1, BUSY }, { B7, 1, BUSY }, { B7, 1, BUSY }, { B7, 1, BUSY } },
	  B8, 1, 2 },
	{ "the largest network of all does without",
	  { { A, 1, FREE }, { B8, 1, FREE }, { B7, 1, BUSY }, { B7, 1, BUSY } }, B7, 1, -1 },
	{ "by weight, not by number",
	  { { A, 9, FREE }, { B, 1, FREE }, { B, 1, FREE } }, B, 2, 0 },
	{ "who would be the heaviest makes room himself",
	  { { A, 9, FREE }, { B, 1, FREE }, { B, 1, FREE } }, B, 8, 1 },
};

static void fair_rows(void **state)
{
	struct ktlsd_fair_thing things[FAIR_MAX];
	const struct fair_row *row;
	size_t i, count;
	int *goes, ids[FAIR_MAX] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	(void)state;
	for (i = 0; i < sizeof(fair_table) / sizeof(*fair_table); i++) {
		row = &fair_table[i];
		for (count = 0; count < FAIR_MAX && row->things[count].weight; count++)
			things[count] = (struct ktlsd_fair_thing) {
				.what = &ids[count],
				.user = row->things[count].user,
				.weight = row->things[count].weight,
				.used = (int64_t)count,
				.hold = row->things[count].hold,
			};
		goes = ktlsd_fair_choose(things, count, row->user, row->need);
		if ((goes ? *goes : -1) != row->goes)
			fail_msg("%s: %d", row->name, goes ? *goes : -1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fair_rows),
	};

	return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
