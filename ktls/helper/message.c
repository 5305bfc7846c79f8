// SPDX-License-Identifier: GPL-2.0
/* Messages to the helper. include/netlink/ktls.yaml specifies them.
 *
 * A netlink receive buffer is charged with the memory a message takes, not with its
 * length, and a linear buffer a little over 16 KiB takes 32 KiB. So data of more than
 * MESSAGE_LINEAR_MAX bytes is put in pages behind the headers, and a message costs
 * little more than it carries.
 */
#include <linux/cred.h>
#include <linux/sched/mm.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/ipv6.h>

#include "config.h"
#include "helper/message.h"
#include "helper/request.h"
#include "suite.h"
#include "wire.h"

/* Data up to this many bytes is not worth a page of its own. */
#define MESSAGE_LINEAR_MAX	2048

/* The attributes of START that have one size, some bytes too many: numbers, a flag,
 * COMM, both addresses.
 */
#define MESSAGE_FIXED_SIZE						\
	(nla_total_size_64bit(sizeof(u64)) * 3 +			\
	 nla_total_size(sizeof(u32)) * 6 +				\
	 nla_total_size(0) +						\
	 nla_total_size(TASK_COMM_LEN) +				\
	 nla_total_size(sizeof(struct sockaddr_in6)) * 2)

static const struct genl_family *message_family;

/**
 * ktls_message_init - before any message is made
 * @family: registered later
 *
 * Context: module load.
 */
void ktls_message_init(const struct genl_family *family)
{
	message_family = family;
}

static struct sk_buff *message_new(u8 cmd, size_t size, size_t bulk,
				   const struct genl_info *info, gfp_t gfp)
{
	struct sk_buff *skb;

	if (bulk)
		size += bulk <= MESSAGE_LINEAR_MAX ? nla_total_size(bulk) : NLA_HDRLEN;
	skb = genlmsg_new(size, gfp);
	if (!skb)
		return NULL;
	if (!genlmsg_put(skb, info ? info->snd_portid : 0, info ? info->snd_seq : 0,
			 message_family, 0, cmd)) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

/* For a program's socket, whose memory cgroup is charged without waiting. */
static struct sk_buff *message_new_of(const struct ktls_config *config, u8 cmd, size_t size,
				      size_t bulk)
{
	struct mem_cgroup *active = set_active_memcg(config->memcg);
	struct sk_buff *skb = message_new(cmd, size, bulk, NULL, KTLS_GFP_OTHERS);

	set_active_memcg(active);
	return skb ? : message_new(cmd, size, bulk, NULL, GFP_KERNEL);
}

static struct page *message_page_of(const struct ktls_config *config)
{
	struct mem_cgroup *active = set_active_memcg(config->memcg);
	struct page *page = alloc_page(KTLS_GFP_OTHERS);

	set_active_memcg(active);
	return page ? : alloc_page(GFP_KERNEL);
}

static int message_put_pages(struct sk_buff *skb, const struct ktls_config *config,
			     const u8 *data, size_t len)
{
	size_t total = NLA_ALIGN(len), piece, copy;
	struct page *page;
	int i;

	for (i = 0; total; i++) {
		page = message_page_of(config);
		if (!page)
			return -ENOMEM;
		piece = min_t(size_t, total, PAGE_SIZE);
		copy = min(piece, len);
		memcpy(page_address(page), data, copy);
		memset(page_address(page) + copy, 0, piece - copy);
		skb_add_rx_frag(skb, i, page, 0, piece, PAGE_SIZE);
		data += copy;
		len -= copy;
		total -= piece;
	}
	return 0;
}

/* The last attribute of a message: nothing can be put behind pages. */
static int message_put_bulk(struct sk_buff *skb, const struct ktls_config *config, int attr,
			    const void *data, size_t len)
{
	struct nlattr *nla;

	if (len <= MESSAGE_LINEAR_MAX)
		return nla_put(skb, attr, len, data);
	if (skb_tailroom(skb) < NLA_HDRLEN)
		return -EMSGSIZE;
	nla = skb_put(skb, NLA_HDRLEN);
	nla->nla_type = attr;
	nla->nla_len = nla_attr_size(len);
	return message_put_pages(skb, config, data, len);
}

/* Ends a message; like genlmsg_end(), but pages count too. */
static struct sk_buff *message_end(struct sk_buff *skb)
{
	nlmsg_hdr(skb)->nlmsg_len = skb->len;
	return skb;
}

static int message_put_blob(struct sk_buff *skb, int attr, const struct ktls_blob *blob)
{
	return blob ? nla_put(skb, attr, blob->len, blob->data) : 0;
}

static size_t message_blob_size(const struct ktls_blob *blob)
{
	return blob ? nla_total_size(blob->len) : 0;
}

static unsigned int message_groups(const struct cred *cred)
{
	return min_t(unsigned int, cred->group_info->ngroups, KTLS_GROUPS_MAX);
}

/* The task that asks, with ids of the helper's user namespace. A container may share
 * that user namespace, but has a PID namespace of its own.
 */
static int message_put_creds(struct sk_buff *skb, const struct ktls_config *config,
			     const struct ktls_port *port)
{
	struct user_namespace *ns = port->cred->user_ns;
	const struct cred *cred = config->cred;
	unsigned int i, n = message_groups(cred);
	struct nlattr *groups;
	u32 *gid;

	if (nla_put_u32(skb, KTLS_A_UID, from_kuid_munged(ns, cred->euid)) ||
	    nla_put_u32(skb, KTLS_A_GID, from_kgid_munged(ns, cred->egid)) ||
	    nla_put_u32(skb, KTLS_A_PID, config->pid) ||
	    nla_put(skb, KTLS_A_COMM, strnlen(config->comm, TASK_COMM_LEN),
		    config->comm) ||
	    (config->pid_ns != port->pid_ns && nla_put_flag(skb, KTLS_A_FOREIGN)))
		return -EMSGSIZE;
	groups = nla_reserve(skb, KTLS_A_GROUPS, n * sizeof(*gid));
	if (!groups)
		return -EMSGSIZE;
	gid = nla_data(groups);
	for (i = 0; i < n; i++)
		gid[i] = from_kgid_munged(ns, cred->group_info->gid[i]);
	return 0;
}

static int message_put_option(struct sk_buff *skb, const struct ktls_option *option,
			      const struct ktls_config *config)
{
	const struct ktls_versions *versions;

	switch (option->form) {
	case KTLS_FORM_NUMBER:
		return nla_put_u32(skb, option->attr,
				   *(u32 *)ktls_option_value(option, config));
	case KTLS_FORM_VERSIONS:
		versions = ktls_option_value(option, config);
		return nla_put_u16(skb, option->attr, versions->min) ? :
		       nla_put_u16(skb, option->attr + 1, versions->max);
	default:
		return message_put_blob(skb, option->attr,
					ktls_config_blob(config, option->name));
	}
}

static bool message_carries(const struct ktls_option *option)
{
	return option->attr && !(option->flags & KTLS_OPTION_PART);
}

static int message_put_config(struct sk_buff *skb, const struct ktls_config *config,
			      u8 role)
{
	const struct ktls_option *option;
	u32 parts = ktls_config_parts(config);

	if (nla_put_u64_64bit(skb, KTLS_A_CONFIG, parts ? config->id : 0, KTLS_A_PAD) ||
	    nla_put_u32(skb, KTLS_A_CONFIG_PARTS, parts) ||
	    /* The helper may be stricter where the program left it open. */
	    (config->verify >= 0 &&
	     nla_put_u32(skb, KTLS_A_VERIFY, ktls_config_verify(config, role))))
		return -EMSGSIZE;
	ktls_for_each_option(option)
		if (message_carries(option) && message_put_option(skb, option, config))
			return -EMSGSIZE;
	return 0;
}

static int message_put_address(struct sk_buff *skb, int attr,
			       const union ktls_address *address)
{
	return nla_put(skb, attr, address->sa.sa_family == AF_INET ?
		       sizeof(address->in) : sizeof(address->in6), address);
}

static size_t message_request_size(const struct ktls_config *config)
{
	const struct ktls_option *option;
	size_t size;

	size = MESSAGE_FIXED_SIZE +
	       nla_total_size(message_groups(config->cred) * sizeof(u32));
	ktls_for_each_option(option)
		if (message_carries(option))
			size += nla_total_size(ktls_option_size(option)) * 2 +
				message_blob_size(ktls_config_blob(config, option->name));
	return size;
}

/* In the helper's time namespace. */
static u64 message_deadline(const struct ktls_request *req, const struct ktls_port *port)
{
	return ktime_to_ms(ktime_add_ns(req->params.deadline, port->clock_offset));
}

/**
 * ktls_message_request - START or CHECK
 * @req: the request
 * @port: on which it is sent: ids are those of its user namespace
 *
 * Context: process, no spinlock held. The configuration is frozen.
 * Return: the message, or NULL: no memory.
 */
struct sk_buff *ktls_message_request(const struct ktls_request *req,
				     const struct ktls_port *port)
{
	const struct ktls_request_params *params = &req->params;
	struct sk_buff *skb;

	skb = message_new_of(params->config, params->cmd, message_request_size(params->config),
			     params->records_len);
	if (!skb)
		return NULL;
	if (nla_put_u64_64bit(skb, KTLS_A_ID, req->id, KTLS_A_PAD) ||
	    nla_put_u64_64bit(skb, KTLS_A_DEADLINE, message_deadline(req, port),
			      KTLS_A_PAD) ||
	    message_put_creds(skb, params->config, port) ||
	    message_put_config(skb, params->config, params->role))
		goto does_not_fit;
	if (params->cmd == KTLS_CMD_START &&
	    (nla_put_u32(skb, KTLS_A_ROLE, params->role) ||
	     message_put_address(skb, KTLS_A_LOCAL_ADDR, &params->local) ||
	     message_put_address(skb, KTLS_A_PEER_ADDR, &params->peer)))
		goto does_not_fit;
	if (params->records_len &&
	    message_put_bulk(skb, params->config, KTLS_A_RECORDS, params->records,
			     params->records_len))
		goto does_not_fit;
	return message_end(skb);

does_not_fit:
	nlmsg_free(skb);
	return NULL;
}

/**
 * ktls_message_data - a batch of records
 * @req: the request
 * @records: whole records
 * @len: bytes in @records, more than 0
 * @reason: why @records, a record's header, violate the RFC; else NULL
 * @messages: gets as many messages as it takes, all but the last with MORE
 *
 * Context: process, no spinlock held.
 * Return: 0 or -ENOMEM, then @messages is empty.
 */
int ktls_message_data(const struct ktls_request *req, const void *records, size_t len,
		      const char *reason, struct sk_buff_head *messages)
{
	const struct ktls_config *config = req->params.config;
	struct sk_buff *skb;
	size_t piece;

	for (; len; records += piece, len -= piece) {
		piece = min_t(size_t, len, KTLS_GENL_DATA_MAX);
		skb = message_new_of(config, KTLS_CMD_DATA, nla_total_size_64bit(sizeof(u64)) +
				     nla_total_size(0) + nla_total_size(KTLS_REASON_MAX), piece);
		if (!skb)
			goto no_memory;
		if (nla_put_u64_64bit(skb, KTLS_A_ID, req->id, KTLS_A_PAD) ||
		    (piece < len && nla_put_flag(skb, KTLS_A_MORE)) ||
		    (reason && nla_put_string(skb, KTLS_A_REASON, reason)) ||
		    message_put_bulk(skb, config, KTLS_A_RECORDS, records, piece)) {
			nlmsg_free(skb);
			goto no_memory;
		}
		__skb_queue_tail(messages, message_end(skb));
	}
	return 0;

no_memory:
	__skb_queue_purge(messages);
	return -ENOMEM;
}

/**
 * ktls_message_number - a message of one 64-bit number: CANCEL, CONFIG_DROP
 * @cmd: enum ktls_cmd
 * @attr: enum ktls_attr
 * @value: its value
 *
 * Context: any.
 * Return: the message, or NULL: no memory.
 */
struct sk_buff *ktls_message_number(u8 cmd, int attr, u64 value)
{
	struct sk_buff *skb;

	skb = message_new(cmd, nla_total_size_64bit(sizeof(u64)), 0, NULL, GFP_ATOMIC);
	if (!skb)
		return NULL;
	if (nla_put_u64_64bit(skb, attr, value, KTLS_A_PAD)) {
		nlmsg_free(skb);
		return NULL;
	}
	return message_end(skb);
}

/**
 * ktls_message_piece - the reply to CONFIG
 * @req: whose configuration it is
 * @attr: enum ktls_config_attr, one that exists
 * @offset: less than the attribute's length
 * @info: what is replied to
 *
 * Context: process, no spinlock held.
 * Return: the message, or NULL: no memory. It may hold a private key.
 */
struct sk_buff *ktls_message_piece(const struct ktls_request *req, u32 attr, u32 offset,
				   const struct genl_info *info)
{
	const struct ktls_blob *blob = ktls_config_part(req->params.config, attr);
	u32 piece = min_t(u32, blob->len - offset, KTLS_GENL_PIECE_MAX);
	struct sk_buff *skb;

	skb = message_new(KTLS_CMD_CONFIG, nla_total_size_64bit(sizeof(u64)) +
			  3 * nla_total_size(sizeof(u32)), piece, info, GFP_KERNEL);
	if (!skb)
		return NULL;
	if (nla_put_u64_64bit(skb, KTLS_A_ID, req->id, KTLS_A_PAD) ||
	    nla_put_u32(skb, KTLS_A_CONFIG_ATTR, attr) ||
	    nla_put_u32(skb, KTLS_A_OFFSET, offset) ||
	    nla_put_u32(skb, KTLS_A_TOTAL, blob->len) ||
	    message_put_bulk(skb, req->params.config, KTLS_A_PIECE, blob->data + offset,
			     piece)) {
		ktls_message_wipe(skb);
		nlmsg_free(skb);
		return NULL;
	}
	return message_end(skb);
}

/**
 * ktls_message_ticket - MESSAGE
 * @config: of the connection
 * @id: the request that made the connection
 * @body: of the NewSessionTicket
 * @len: bytes in @body, at most KTLS_GENL_TICKET_MAX
 *
 * Context: process.
 * Return: the message, or NULL: no memory.
 */
struct sk_buff *ktls_message_ticket(const struct ktls_config *config, u64 id, const u8 *body,
				    size_t len)
{
	struct sk_buff *skb;

	skb = message_new_of(config, KTLS_CMD_MESSAGE, nla_total_size_64bit(sizeof(u64)), len);
	if (!skb)
		return NULL;
	if (nla_put_u64_64bit(skb, KTLS_A_ID, id, KTLS_A_PAD) ||
	    message_put_bulk(skb, config, KTLS_A_TICKET, body, len)) {
		nlmsg_free(skb);
		return NULL;
	}
	return message_end(skb);
}

/**
 * ktls_message_suites - the reply to REGISTER
 * @info: what is replied to
 *
 * Context: process.
 * Return: the message, or NULL: no memory.
 */
struct sk_buff *ktls_message_suites(const struct genl_info *info)
{
	u16 ids[32];
	unsigned int n = ktls_suite_list(ids, ARRAY_SIZE(ids));
	struct sk_buff *skb;

	skb = message_new(KTLS_CMD_REGISTER, nla_total_size(sizeof(ids)), 0, info,
			  GFP_KERNEL);
	if (!skb)
		return NULL;
	if (nla_put(skb, KTLS_A_SUITES, n * sizeof(ids[0]), ids)) {
		nlmsg_free(skb);
		return NULL;
	}
	return message_end(skb);
}

/**
 * ktls_message_wipe - overwrite what a message carries
 * @skb: nobody else reads it any more
 *
 * Context: any.
 */
void ktls_message_wipe(struct sk_buff *skb)
{
	int i;

	memzero_explicit(skb->data, skb_headlen(skb));
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		memzero_explicit(skb_frag_address(frag), skb_frag_size(frag));
	}
}
