// SPDX-License-Identifier: GPL-2.0
/* Keying material for the program: KTLS_EXPORTER. RFC 8446 7.5 for TLS 1.3; for
 * TLS 1.2 RFC 5705, with the PRF of RFC 5246 5, and only where the master secret
 * is bound to the handshake (RFC 7627): otherwise an attacker between two
 * connections can make both export the same.
 */
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include <uapi/linux/ktls.h>

#include "config.h"
#include "session.h"
#include "suite.h"
#include "record/keysched.h"
#include "socket/ctx.h"
#include "socket/exporter.h"

/* What TLS itself derives with the same secret (RFC 5705 4, RFC 7627 4). */
static const char *const exporter_reserved[] = {
	"client finished", "server finished", "master secret", "key expansion",
	"extended master secret",
};

/* A request of the program: a copy of its structure, and the parts of it. */
struct exporter_op {
	const struct ktls_exporter *req;
	const u8		*label;
	const u8		*context;
	u8			*output;
};

static bool exporter_label_is_valid(const u8 *label, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (label[i] >= 0x7f || !isprint(label[i]))
			return false;
	for (i = 0; i < ARRAY_SIZE(exporter_reserved); i++)
		if (strlen(exporter_reserved[i]) == len &&
		    !memcmp(exporter_reserved[i], label, len))
			return false;
	return true;
}

/* The structure, the label and the context. */
static size_t exporter_size(const struct ktls_exporter *req)
{
	return sizeof(*req) + req->label_len + req->context_len;
}

static int exporter_check(const struct ktls_exporter *req)
{
	if (!req->label_len || req->label_len > KTLS_EXPORTER_LABEL_MAX ||
	    req->context_len > KTLS_EXPORTER_CONTEXT_MAX ||
	    !req->output_len || req->output_len > KTLS_EXPORTER_OUTPUT_MAX ||
	    (req->flags & ~KTLS_EXPORTER_CONTEXT) ||
	    (req->context_len && !(req->flags & KTLS_EXPORTER_CONTEXT)))
		return -EINVAL;
	return 0;
}

static void exporter_use(struct exporter_op *op, const struct ktls_exporter *req, u8 *output)
{
	op->req = req;
	op->label = req->data;
	op->context = op->label + req->label_len;
	op->output = output;
}

/* Reads a request into memory that the caller frees, with zeros for the output behind
 * it. The program may change it meanwhile: it counts once. @output: whether the program
 * has room for the output, too.
 */
static struct ktls_exporter *exporter_read(sockptr_t optval, size_t optlen, bool output)
{
	struct ktls_exporter head, *req;
	size_t size;
	int err;

	if (optlen < sizeof(head))
		return ERR_PTR(-EINVAL);
	if (copy_from_sockptr(&head, optval, sizeof(head)))
		return ERR_PTR(-EFAULT);
	err = exporter_check(&head);
	if (err)
		return ERR_PTR(err);
	size = exporter_size(&head);
	if (optlen != size + (output ? head.output_len : 0))
		return ERR_PTR(-EINVAL);

	req = kzalloc(optlen, GFP_KERNEL_ACCOUNT);
	if (!req)
		return ERR_PTR(-ENOMEM);
	*req = head;
	err = -EFAULT;
	if (copy_from_sockptr_offset(req->data, optval, sizeof(head), size - sizeof(head)))
		goto free_req;
	err = -EINVAL;
	if (!exporter_label_is_valid(req->data, head.label_len))
		goto free_req;
	return req;

free_req:
	kfree_sensitive(req);
	return ERR_PTR(err);
}

/* Has this connection an exporter? */
static int exporter_check_session(const struct ktls_ctx *ctx)
{
	if (!ctx->conn->session.version)
		return -ENOTCONN;
	return ktls_session_exporter_len(&ctx->conn->session) ? 0 : -EOPNOTSUPP;
}

static int exporter_compute(const struct ktls_ctx *ctx, const struct exporter_op *op)
{
	const struct ktls_session *session = &ctx->conn->session;
	const struct ktls_exporter *req = op->req;
	const struct ktls_suite *suite = ktls_suite_by_id(session->suite);
	int err;

	err = exporter_check_session(ctx);
	if (err)
		return err;
	if (!suite)
		return -EOPNOTSUPP;

	if (session->version == KTLS_TLS_1_3)
		return ktls_keysched_export(suite, ktls_session_exporter(session),
					    op->label, req->label_len,
					    op->context, req->context_len,
					    op->output, req->output_len);
	return ktls_keysched_export12(suite, ktls_session_exporter(session),
				      op->label, req->label_len,
				      req->flags & KTLS_EXPORTER_CONTEXT ? op->context : NULL,
				      req->context_len, op->output, req->output_len);
}

/**
 * ktls_exporter_get - KTLS_EXPORTER
 * @sk: the socket
 * @optval: a struct ktls_exporter, which the output is written to
 * @optlen: its length
 *
 * Context: process, socket lock not held.
 * Return: 0 or a negative errno, see include/uapi/linux/ktls.h.
 */
int ktls_exporter_get(struct sock *sk, char __user *optval, int __user *optlen)
{
	struct ktls_exporter *req;
	struct exporter_op op;
	size_t size;
	int len, err;

	if (get_user(len, optlen))
		return -EFAULT;
	req = exporter_read(USER_SOCKPTR(optval), max(len, 0), true);
	if (IS_ERR(req))
		return PTR_ERR(req);
	size = exporter_size(req);
	exporter_use(&op, req, (u8 *)req + size);

	lock_sock(sk);
	err = exporter_compute(ktls_ctx_get(sk), &op);
	release_sock(sk);
	if (!err && copy_to_user(optval + size, op.output, req->output_len))
		err = -EFAULT;
	kfree_sensitive(req);
	return err;
}

/**
 * ktls_exporter_set - set KTLS_EXPORTER, to be read in pieces
 * @sk: the socket
 * @optval: a struct ktls_exporter, label and context
 * @optlen: its length
 *
 * Context: process, socket lock not held.
 * Return: 0 or a negative errno, see include/uapi/linux/ktls.h.
 */
int ktls_exporter_set(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	struct ktls_exporter *req;
	struct ktls_ctx *ctx;
	int err;

	req = exporter_read(optval, optlen, false);
	if (IS_ERR(req))
		return PTR_ERR(req);
	lock_sock(sk);
	ctx = ktls_ctx_get(sk);
	err = exporter_check_session(ctx);
	if (!err)
		swap(ctx->conn->hs.exporter, req);
	release_sock(sk);
	kfree_sensitive(req);
	return err;
}

/**
 * ktls_exporter_output - the keying material that was set to be wanted
 * @ctx: the context
 *
 * Context: process, socket lock held.
 * Return: a new blob, or an ERR_PTR, see include/uapi/linux/ktls.h.
 */
struct ktls_blob *ktls_exporter_output(const struct ktls_ctx *ctx)
{
	const struct ktls_exporter *req = ctx->conn->hs.exporter;
	struct exporter_op op;
	struct ktls_blob *blob;
	int err;

	sock_owned_by_me(ctx->rl.sk);
	if (!req)
		return ERR_PTR(-ENODATA);
	blob = ktls_blob_new(NULL, req->output_len);
	if (!blob)
		return ERR_PTR(-ENOMEM);
	exporter_use(&op, req, blob->data);
	err = exporter_compute(ctx, &op);
	if (err) {
		ktls_blob_put(blob);
		return ERR_PTR(err);
	}
	return blob;
}
