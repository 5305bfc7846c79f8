// SPDX-License-Identifier: GPL-2.0
/*
 * Keying material for the program: KTLS_EXPORTER. RFC 8446 7.5 for TLS 1.3; for
 * TLS 1.2 RFC 5705, with the PRF of RFC 5246 5, and only where the master secret
 * is bound to the handshake (RFC 7627): otherwise an attacker between two
 * connections can make both export the same.
 */
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include <ktls/ktls.h>

/* What TLS itself derives with the same secret (RFC 5705 4, RFC 7627 4). */
static const char *const exporter_reserved[] = {
	"client finished", "server finished", "master secret", "key expansion",
	"extended master secret",
};

/* A request of the program: its structure in memory of ours, and what is in it. */
struct exporter_op {
	struct ktls_exporter	*req;
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

static size_t exporter_size(const struct ktls_exporter *req)
{
	return sizeof(*req) + req->label_len + req->context_len + req->output_len;
}

static int exporter_check(const struct ktls_exporter *req, int len)
{
	if (!req->label_len || req->label_len > KTLS_EXPORTER_LABEL_MAX ||
	    req->context_len > KTLS_EXPORTER_CONTEXT_MAX ||
	    !req->output_len || req->output_len > KTLS_EXPORTER_OUTPUT_MAX ||
	    (req->flags & ~KTLS_EXPORTER_CONTEXT) ||
	    (req->context_len && !(req->flags & KTLS_EXPORTER_CONTEXT)) ||
	    len != exporter_size(req))
		return -EINVAL;
	return 0;
}

/* Reads the request. The program may change it meanwhile: it counts once. */
static int exporter_read(struct exporter_op *op, const char __user *optval, int len)
{
	struct ktls_exporter head;
	size_t given;
	int err;

	if (len < (int)sizeof(head))
		return -EINVAL;
	if (copy_from_user(&head, optval, sizeof(head)))
		return -EFAULT;
	err = exporter_check(&head, len);
	if (err)
		return err;

	op->req = kzalloc(len, GFP_KERNEL);
	if (!op->req)
		return -ENOMEM;
	*op->req = head;
	given = head.label_len + head.context_len;
	if (copy_from_user(op->req->data, optval + sizeof(head), given))
		return -EFAULT;
	op->label = op->req->data;
	op->context = op->label + head.label_len;
	op->output = op->req->data + given;
	return exporter_label_is_valid(op->label, head.label_len) ? 0 : -EINVAL;
}

static int exporter_compute(const struct ktls_ctx *ctx, const struct exporter_op *op)
{
	const struct ktls_session *session = &ctx->session;
	const struct ktls_exporter *req = op->req;
	const struct ktls_suite *suite;

	if (ctx->external)
		return -EOPNOTSUPP;
	if (!session->version)
		return -ENOTCONN;
	suite = ktls_suite_by_id(session->suite);
	if (!session->exporter_len || !suite)
		return -EOPNOTSUPP;

	if (session->version == KTLS_TLS_1_3)
		return ktls_keysched_export(suite, session->exporter,
					    op->label, req->label_len,
					    op->context, req->context_len,
					    op->output, req->output_len);
	return ktls_keysched_export12(suite, session->exporter, op->label, req->label_len,
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
	struct exporter_op op = { };
	size_t off;
	int len, err;

	if (get_user(len, optlen))
		return -EFAULT;
	err = exporter_read(&op, optval, len);
	if (err)
		goto out;

	lock_sock(sk);
	err = exporter_compute(ktls_ctx_get(sk), &op);
	release_sock(sk);
	if (err)
		goto out;

	off = len - op.req->output_len;
	if (copy_to_user(optval + off, op.output, op.req->output_len))
		err = -EFAULT;
out:
	if (op.req)
		kfree_sensitive(op.req);
	return err;
}
