// SPDX-License-Identifier: GPL-2.0-or-later
/* Nobody can keep another user's handshakes from completing in about their normal time: attacks
 * on the real ktlsd and the module, with an honest user beside them. A file for each target.
 */
#include "lib/honest.h"

FIXTURE(idle) { struct proc d; };
FIXTURE_SETUP(idle)
{
	net_new();
	real_start(&self->d);
}
FIXTURE_TEARDOWN(idle)
{
}

/* The measurement itself: without other processes, and beside processes that only compute. */
TEST_F_TIMEOUT(idle, a_handshake_takes_its_normal_time, 60)
{
	struct honest h;

	honest_start(&h, 0);
	honest_expect(&h, "beside nobody");
}

TEST_HARNESS_MAIN
