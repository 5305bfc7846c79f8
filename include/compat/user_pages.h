/* SPDX-License-Identifier: GPL-2.0 */
/* The pages behind an iov_iter: the reader's to write into, the sender's to seal. */
#ifndef _KTLS_COMPAT_USER_PAGES_H
#define _KTLS_COMPAT_USER_PAGES_H

#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/socket.h>
#include <linux/uio.h>

#ifndef KTLS_HAVE_ITER_EXTRACT
/* The address of the first byte left in a user iterator; *len is cut to what is
 * contiguous from there.
 */
static inline unsigned long ktls_iter_address(const struct iov_iter *iter,
					      size_t *len)
{
	const struct iovec *iov = iter->iov;
	size_t skip = iter->iov_offset;

	if (iter_is_ubuf(iter))
		return (unsigned long)iter->ubuf + skip;

	for (; skip >= iov->iov_len; iov++)
		skip -= iov->iov_len;
	*len = min_t(size_t, *len, iov->iov_len - skip);
	return (unsigned long)iov->iov_base + skip;
}

static inline ssize_t ktls_iter_extract(struct iov_iter *iter,
					struct page **pages, size_t bytes,
					unsigned int maxpages, size_t *offset)
{
	unsigned int gup_flags = iter->nofault ? FOLL_NOFAULT : 0;
	unsigned long addr = ktls_iter_address(iter, &bytes);
	int got;

	*offset = offset_in_page(addr);
	if (iov_iter_rw(iter) != WRITE)
		gup_flags |= FOLL_WRITE;
	maxpages = min_t(size_t, maxpages,
			 DIV_ROUND_UP(*offset + bytes, PAGE_SIZE));
	got = pin_user_pages_fast(addr & PAGE_MASK, maxpages, gup_flags, pages);
	if (got <= 0)
		return got ?: -EFAULT;
	bytes = min_t(size_t, bytes, got * PAGE_SIZE - *offset);
	iov_iter_advance(iter, bytes);
	return bytes;
}
#else
static inline ssize_t ktls_iter_extract(struct iov_iter *iter,
					struct page **pages, size_t bytes,
					unsigned int maxpages, size_t *offset)
{
	ssize_t got = iov_iter_extract_pages(iter, &pages, bytes, maxpages, 0,
					     offset);

	return got ?: -EFAULT;
}
#endif

/**
 * ktls_iter_pin - pin the program's pages behind the next bytes of an iterator
 * @iter: an iterator over user memory; advanced over what was pinned
 * @pages: where to put them
 * @bytes: at most so many
 * @maxpages: room in @pages
 * @offset: where in the first page the bytes begin
 *
 * Stops at the end of an iovec, so that the pages are contiguous in the buffer:
 * only the first begins at @offset, only the last may end early. For a reader
 * (ITER_DEST) the pages may be written to.
 *
 * Ownership: the pages are pinned until ktls_iter_unpin(); their number is
 * DIV_ROUND_UP(*offset + return value, PAGE_SIZE). Who gives up must also
 * iov_iter_revert() by what this returned.
 *
 * Context: process context, may sleep and fault pages in; the socket lock may be
 * held, as when TCP copies.
 * Return: bytes covered, at least 1; 0 if @bytes or the iterator is empty;
 * -EOPNOTSUPP for memory that is not the program's (copy instead), -EFAULT.
 */
static inline ssize_t ktls_iter_pin(struct iov_iter *iter, struct page **pages,
				    size_t bytes, unsigned int maxpages,
				    size_t *offset)
{
	if (!user_backed_iter(iter))
		return -EOPNOTSUPP;
	bytes = min(bytes, iov_iter_count(iter));
	if (!bytes)
		return 0;
	return ktls_iter_extract(iter, pages, bytes, maxpages, offset);
}

/**
 * ktls_iter_unpin - give back pages of ktls_iter_pin()
 * @pages: the pages
 * @n: how many
 * @dirty: they were, or may have been, written to
 *
 * Context: process context, may sleep to dirty them.
 */
static inline void ktls_iter_unpin(struct page **pages, unsigned int n,
				   bool dirty)
{
	if (dirty)
		unpin_user_pages_dirty_lock(pages, n, true);
	else
		unpin_user_pages(pages, n);
}

/**
 * ktls_msg_splices - does a message offer pages instead of bytes to copy?
 * @msg: as given to sendmsg
 *
 * Lockless.
 * Return: whether to look with ktls_iter_take_frag(). What is not pages of a bvec
 * is copied, which is always allowed.
 */
static inline bool ktls_msg_splices(const struct msghdr *msg)
{
	return (msg->msg_flags & MSG_SPLICE_PAGES) &&
	       iov_iter_is_bvec(&msg->msg_iter);
}

/**
 * ktls_iter_take_frag - the first contiguous piece of a bvec iterator
 * @iter: the iterator, not empty; advanced over the piece
 * @bytes: at most so many
 * @frag: the piece; may span pages that follow each other in memory
 *
 * Lockless. Takes no reference: the sender keeps the pages until sendmsg returns,
 * which is long enough to seal from them.
 */
static inline void ktls_iter_take_frag(struct iov_iter *iter,
				       size_t bytes, struct bio_vec *frag)
{
	const struct bio_vec *bv = iter->bvec;
	size_t skip = iter->iov_offset;

	for (; skip >= bv->bv_len; bv++)
		skip -= bv->bv_len;
	bytes = min3(bytes, iov_iter_count(iter), (size_t)bv->bv_len - skip);
	bvec_set_page(frag, bv->bv_page, bytes, bv->bv_offset + skip);

	skip += bytes;
	if (skip == bv->bv_len) {
		skip = 0;
		bv++;
	}
	iter->nr_segs -= bv - iter->bvec;
	iter->bvec = bv;
	iter->iov_offset = skip;
	iter->count -= bytes;
}

#endif /* _KTLS_COMPAT_USER_PAGES_H */
