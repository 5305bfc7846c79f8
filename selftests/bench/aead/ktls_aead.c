// SPDX-License-Identifier: GPL-2.0
/* Bare AEAD calls, to be timed from user space: what the records of a connection
 * cost before anything else is done for them.
 *
 * Open /proc/ktls_aead and write "ALGORITHM KEY AAD TEXT", sizes in bytes; then
 * each number written is how many times such a record is sealed and opened, in
 * place, in one piece of memory laid out as the module lays out its own.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <crypto/aead.h>

enum {
	BUF_ORDER	= 3,
	FRONT		= 64,	/* the text begins here, aligned for any cipher */
	TAG		= 16,
	NONCE		= 12,
	TEXT_MAX	= 16384 + 1,
	COUNT_MAX	= 1000000,
};

struct job {
	struct mutex		lock;	/* all below */
	struct crypto_aead	*tfm;
	struct aead_request	*req;
	struct page		*page;
	struct scatterlist	sg;
	unsigned int		text;
	u64			nonce[2];	/* NONCE bytes are used */
	struct crypto_wait	wait;
};

static int job_set_up(struct job *job, const char *alg, unsigned int key_len,
		      unsigned int aad, unsigned int text)
{
	u8 key[32];
	int err;

	if (job->tfm)
		return -EBUSY;
	if (key_len > sizeof(key) || aad > FRONT || text > TEXT_MAX)
		return -EINVAL;
	job->tfm = crypto_alloc_aead(alg, 0, 0);
	if (IS_ERR(job->tfm)) {
		err = PTR_ERR(job->tfm);
		job->tfm = NULL;
		return err;
	}
	get_random_bytes(key, sizeof(key));
	err = crypto_aead_setkey(job->tfm, key, key_len) ?:
	      crypto_aead_setauthsize(job->tfm, TAG);
	if (err)
		return err;

	job->req = aead_request_alloc(job->tfm, GFP_KERNEL);
	job->page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO, BUF_ORDER);
	if (!job->req || !job->page)
		return -ENOMEM;
	aead_request_set_callback(job->req, CRYPTO_TFM_REQ_MAY_SLEEP, crypto_req_done, &job->wait);
	aead_request_set_ad(job->req, aad);
	sg_init_one(&job->sg, page_address(job->page) + FRONT - aad, aad + text + TAG);
	job->text = text;
	return 0;
}

static int job_run(struct job *job, unsigned int count)
{
	int err;

	if (!job->page || count > COUNT_MAX)
		return -EINVAL;
	for (; count; count--) {
		job->nonce[0]++;
		aead_request_set_crypt(job->req, &job->sg, &job->sg, job->text, (u8 *)job->nonce);
		err = crypto_wait_req(crypto_aead_encrypt(job->req), &job->wait);
		if (err)
			return err;
		aead_request_set_crypt(job->req, &job->sg, &job->sg, job->text + TAG,
				       (u8 *)job->nonce);
		err = crypto_wait_req(crypto_aead_decrypt(job->req), &job->wait);
		if (err)
			return err;
	}
	return 0;
}

static int aead_open(struct inode *inode, struct file *file)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return -ENOMEM;
	mutex_init(&job->lock);
	crypto_init_wait(&job->wait);
	file->private_data = job;
	return 0;
}

static ssize_t aead_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct job *job = file->private_data;
	unsigned int key, aad, text, count;
	char line[128], alg[64];
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = '\0';

	mutex_lock(&job->lock);
	if (sscanf(line, "%63s %u %u %u", alg, &key, &aad, &text) == 4)
		err = job_set_up(job, alg, key, aad, text);
	else if (!kstrtouint(line, 10, &count))
		err = job_run(job, count);
	else
		err = -EINVAL;
	mutex_unlock(&job->lock);
	return err ?: len;
}

static int aead_release(struct inode *inode, struct file *file)
{
	struct job *job = file->private_data;

	if (job->page)
		__free_pages(job->page, BUF_ORDER);
	if (job->req)
		aead_request_free(job->req);
	if (job->tfm)
		crypto_free_aead(job->tfm);
	kfree(job);
	return 0;
}

static const struct proc_ops aead_ops = {
	.proc_open	= aead_open,
	.proc_write	= aead_write,
	.proc_release	= aead_release,
};

static int __init aead_init(void)
{
	return proc_create("ktls_aead", 0600, NULL, &aead_ops) ? 0 : -ENOMEM;
}
module_init(aead_init);

static void __exit aead_exit(void)
{
	remove_proc_entry("ktls_aead", NULL);
}
module_exit(aead_exit);

MODULE_DESCRIPTION("Bare AEAD calls for the benchmark of ktls");
MODULE_LICENSE("GPL");
