// SPDX-License-Identifier: GPL-2.0-or-later
/* A PKCS #11 library for tests: SoftHSM, whose token can go away. Files in the directory
 * TEST_TOKEN say what happens; "logins" and "signatures" have a byte for each attempt.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *token_softhsm;
static off_t token_epoch;	/* size of the file "epoch" when the library was initialized */

static const char *token_path(const char *name)
{
	static _Thread_local char path[160];

	snprintf(path, sizeof(path), "%s/%s", getenv("TEST_TOKEN"), name);
	return path;
}

static void token_count(const char *name)
{
	int fd = open(token_path(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "+", 1) != 1)
		abort();
	close(fd);
}

static off_t token_read_epoch(void)
{
	struct stat file;

	return stat(token_path("epoch"), &file) ? 0 : file.st_size;
}

/* The token is away while there is a file "away". A client that is not initialized again when
 * "epoch" has grown does not see it any more.
 */
static CK_RV token_check(void)
{
	return !access(token_path("away"), F_OK) || token_read_epoch() != token_epoch ?
	       CKR_DEVICE_ERROR : CKR_OK;
}

static CK_RV token_initialize(void *args)
{
	token_epoch = token_read_epoch();
	return token_softhsm->C_Initialize(args);
}

static CK_RV token_get_slot_list(unsigned char present, CK_SLOT_ID *list, unsigned long *count)
{
	CK_RV err = token_check();

	return err ? err : token_softhsm->C_GetSlotList(present, list, count);
}

static CK_RV token_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify,
				CK_SESSION_HANDLE *session)
{
	CK_RV err = token_check();

	return err ? err : token_softhsm->C_OpenSession(slot, flags, arg, notify, session);
}

static CK_RV token_get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	CK_RV err = token_check();

	return err ? err : token_softhsm->C_GetSessionInfo(session, info);
}

static CK_RV token_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin,
			 unsigned long len)
{
	CK_RV err = token_check();

	if (err)
		return err;
	token_count("logins");
	return token_softhsm->C_Login(session, user, pin, len);
}

/* With the file "refuse", as if it had to log in again, and the PIN was another one now. */
static CK_RV token_sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
			     CK_OBJECT_HANDLE key)
{
	CK_RV err = token_check();

	token_count("signatures");
	if (!err && !access(token_path("refuse"), F_OK))
		err = CKR_PIN_INCORRECT;
	return err ? err : token_softhsm->C_SignInit(session, mechanism, key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret_list)
{
	static CK_FUNCTION_LIST list;
	CK_C_GetFunctionList get;
	void *softhsm;

	softhsm = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
	get = softhsm ? (CK_C_GetFunctionList)dlsym(softhsm, "C_GetFunctionList") : NULL;
	if (!get || get(&token_softhsm))
		return CKR_GENERAL_ERROR;
	list = *token_softhsm;
	list.C_Initialize = token_initialize;
	list.C_GetSlotList = token_get_slot_list;
	list.C_OpenSession = token_open_session;
	list.C_GetSessionInfo = token_get_session_info;
	list.C_Login = token_login;
	list.C_SignInit = token_sign_init;
	list.C_GetFunctionList = C_GetFunctionList;
	*ret_list = &list;
	return CKR_OK;
}
