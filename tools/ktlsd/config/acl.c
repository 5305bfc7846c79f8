// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/acl.h"

enum {
	ACL_IDS_MAX	= 1024,	/* in one list */
};

static bool acl_ambiguous = true;
static uint32_t acl_overflow_uid = 65534;
static uint32_t acl_overflow_gid = 65534;

void ktlsd_acl_set_overflow(bool ambiguous, uint32_t uid, uint32_t gid)
{
	acl_ambiguous = ambiguous;
	acl_overflow_uid = uid;
	acl_overflow_gid = gid;
}

/* Return: true if our user namespace maps every id of the machine. */
static bool acl_map_is_whole(const char *path)
{
	unsigned int inside, outside, count;
	bool whole = false;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%u %u %u", &inside, &outside, &count) == 3)
		whole = !inside && !outside && count == UINT32_MAX;
	fclose(file);
	return whole;
}

static uint32_t acl_read_overflow(const char *path)
{
	unsigned int id = 65534;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return id;
	if (fscanf(file, "%u", &id) != 1)
		id = 65534;
	fclose(file);
	return id;
}

void ktlsd_acl_init(void)
{
	ktlsd_acl_set_overflow(!acl_map_is_whole("/proc/self/uid_map") ||
			       !acl_map_is_whole("/proc/self/gid_map"),
			       acl_read_overflow("/proc/sys/kernel/overflowuid"),
			       acl_read_overflow("/proc/sys/kernel/overflowgid"));
}

static int acl_add(struct ktlsd_acl_list *list, uint32_t id)
{
	uint32_t *ids;

	if (list->count >= ACL_IDS_MAX)
		return -EINVAL;
	ids = realloc(list->ids, (list->count + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	list->ids = ids;
	list->ids[list->count++] = id;
	return 0;
}

static int acl_resolve(const char *word, bool groups, uint32_t *ret_id)
{
	const struct passwd *user;
	const struct group *group;
	unsigned long long number;
	char *end;

	if (word[0] >= '0' && word[0] <= '9') {
		errno = 0;
		number = strtoull(word, &end, 10);
		if (errno || *end || number >= UINT32_MAX)
			return -EINVAL;
		*ret_id = (uint32_t)number;
		return 0;
	}
	if (groups) {
		group = getgrnam(word);
		if (!group)
			return -EINVAL;
		*ret_id = group->gr_gid;
	} else {
		user = getpwnam(word);
		if (!user)
			return -EINVAL;
		*ret_id = user->pw_uid;
	}
	return 0;
}

int ktlsd_acl_parse(struct ktlsd_acl *acl, bool groups, const char *words,
		    struct ktlsd_fault *fault)
{
	struct ktlsd_acl_list *list = groups ? &acl->gids : &acl->uids;
	char word[64];
	uint32_t id;
	size_t len;
	int err;

	acl->given = true;
	for (words += strspn(words, " \t,"); *words;
	     words += len, words += strspn(words, " \t,")) {
		len = strcspn(words, " \t,");
		if (len >= sizeof(word))
			return ktlsd_errors_set(fault, -EINVAL,
				"'%.40s...' is too long for a user or group name", words);
		memcpy(word, words, len);
		word[len] = '\0';
		if (!strcmp(word, "*")) {
			list->any = true;
			continue;
		}
		err = acl_resolve(word, groups, &id);
		if (err)
			return ktlsd_errors_set(fault, err,
				"there is no %s '%s' on this machine",
				groups ? "group" : "user", word);
		err = acl_add(list, id);
		if (err)
			return ktlsd_errors_set(fault, err,
				"the list has more than %d entries", ACL_IDS_MAX);
	}
	return 0;
}

static bool acl_contains(const struct ktlsd_acl_list *list, uint32_t id)
{
	size_t i;

	if (list->any)
		return true;
	for (i = 0; i < list->count; i++) {
		if (list->ids[i] == id)
			return true;
	}
	return false;
}

/* @doubt: the answer for an id that is ambiguous */
static bool acl_names(const struct ktlsd_acl_list *list, uint32_t id, uint32_t overflow,
		      bool doubt)
{
	if (acl_ambiguous && id == overflow && !list->any)
		return doubt && list->count;
	return acl_contains(list, id);
}

static bool acl_has(const struct ktlsd_acl *acl, const struct ktlsd_caller *caller,
		    bool doubt)
{
	size_t i;

	if (acl_names(&acl->uids, caller->uid, acl_overflow_uid, doubt) ||
	    acl_names(&acl->gids, caller->gid, acl_overflow_gid, doubt))
		return true;
	for (i = 0; i < caller->group_count; i++) {
		if (acl_names(&acl->gids, caller->groups[i], acl_overflow_gid, doubt))
			return true;
	}
	return false;
}

bool ktlsd_acl_allows(const struct ktlsd_acl *acl,
		      const struct ktlsd_caller *caller)
{
	return acl->given ? acl_has(acl, caller, false) : caller->uid == 0;
}

bool ktlsd_acl_may_name(const struct ktlsd_acl *acl, const struct ktlsd_caller *caller)
{
	return acl_has(acl, caller, true);
}

bool ktlsd_acl_allows_container(const struct ktlsd_acl *acl,
				const struct ktlsd_caller *caller)
{
	return acl->containers || !caller->in_container;
}

void ktlsd_acl_free(struct ktlsd_acl *acl)
{
	free(acl->uids.ids);
	free(acl->gids.ids);
	memset(acl, 0, sizeof(*acl));
}
