/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A memory cgroup of this process, to see what is charged to it. */
#ifndef _SELFTESTS_CGROUP_H
#define _SELFTESTS_CGROUP_H

void cgroup_enter(void);
/* What the cgroup is charged with now. */
long cgroup_current_kib(void);
void cgroup_leave(void);

#endif /* _SELFTESTS_CGROUP_H */
