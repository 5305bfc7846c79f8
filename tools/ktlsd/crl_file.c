// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "crl_file.h"

/* Then a letter, the URL, a newline, the issuer, the CRL. */
#define CRL_FILE_MAGIC		"ktlsd crl 2\n"

static bool crl_file_put(struct ktlsd_buffer *file, const void *data, size_t len)
{
	return !ktlsd_buffer_append(file, data, len, KTLSD_CRL_FILE_MAX);
}

int ktlsd_crl_file_save(const struct ktlsd_crl_points_item *item)
{
	char kind = item->what.is_ca ? KTLSD_CRL_POINTS_FOR_CA : KTLSD_CRL_POINTS_FOR_END;
	uint8_t *issuer = NULL, *crl = NULL;
	int issuer_len = i2d_X509(item->what.issuer, &issuer);
	int len = i2d_X509_CRL(item->fetched->crl, &crl), err = -ENOMEM;
	struct ktlsd_buffer file = { 0 };

	if (issuer_len > 0 && len > 0 &&
	    crl_file_put(&file, CRL_FILE_MAGIC, strlen(CRL_FILE_MAGIC)) &&
	    crl_file_put(&file, &kind, 1) &&
	    crl_file_put(&file, item->what.url, strlen(item->what.url)) &&
	    crl_file_put(&file, "\n", 1) &&
	    crl_file_put(&file, issuer, (size_t)issuer_len) &&
	    crl_file_put(&file, crl, (size_t)len))
		err = ktlsd_store_write(item->all->store, item->file, file.data, file.len);
	ktlsd_buffer_free(&file);
	OPENSSL_free(issuer);
	OPENSSL_free(crl);
	return err;
}

const uint8_t *ktlsd_crl_file_read_head(const struct ktlsd_buffer *file,
					struct ktlsd_crl_points_wanted *what)
{
	const size_t magic = strlen(CRL_FILE_MAGIC), head = magic + 1;
	const uint8_t *end = file->len > head ? memchr(file->data + head, '\n',
						       file->len - head) : NULL;
	const unsigned char *at;
	size_t url_len;

	if (!end || memcmp(file->data, CRL_FILE_MAGIC, magic))
		return NULL;
	url_len = (size_t)(end - file->data) - head;
	if (url_len >= sizeof(what->url) || memchr(file->data + head, 0, url_len))
		return NULL;
	what->is_ca = file->data[magic] == KTLSD_CRL_POINTS_FOR_CA;
	memcpy(what->url, file->data + head, url_len);
	what->url[url_len] = '\0';
	if (strncasecmp(what->url, "http://", 7))
		return NULL;
	at = end + 1;
	what->issuer = d2i_X509(NULL, &at, (long)(file->data + file->len - at));
	ERR_clear_error();
	return what->issuer && !ktlsd_crl_points_hash(what) ? at : NULL;
}
