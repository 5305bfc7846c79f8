// SPDX-License-Identifier: GPL-2.0-or-later
/* Revocation: what CRLs, staples and OCSP responders say, and what if they say nothing. */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>

#include "interop/revocation_mode.h"
#include "interop/revocation_responder.h"
#include "interop/revocation_site.h"
#include "lib/honest.h"

#define WAIT_SECONDS		5	/* for responders: ktlsd.conf(5) */

FIXTURE(revocation)
{
	struct proc d, fetch;
	char dir[32];		/* and files in it: */
	char crl[64];		/* ktls test ca's */
	char index[64];		/* its index for openssl ocsp */
};

/* Without a CRL the mode crl is an error. */
static void write_some_crl(const char *dir)
{
	EVP_PKEY *key;
	X509 *ca;
	char path[64];

	snprintf(path, sizeof(path), "%s/crls/other.pem", dir);
	chain_read_ca("untrusted-ca", &ca, &key);
	authority_write_crl(path, ca, key, (X509 *[]) { NULL }, 1);
	X509_free(ca);
	EVP_PKEY_free(key);
}

FIXTURE_SETUP(revocation)
{
	char path[64], daemon[200], policies[700];

	net_new();
	signal(SIGPIPE, SIG_IGN);
	strcpy(self->dir, "/tmp/ktls-revocation-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->dir));
	snprintf(path, sizeof(path), "%s/crls", self->dir);
	OK(mkdir(path, 0755));
	snprintf(self->crl, sizeof(self->crl), "%s/crls/ca.pem", self->dir);
	snprintf(self->index, sizeof(self->index), "%s/index", self->dir);
	write_some_crl(self->dir);
	fetch_start(&self->fetch, self->dir);
	snprintf(daemon, sizeof(daemon), "revocation = off\ncrl = %s\nfetch_socket = %s/fetch\n",
		 path, self->dir);
	mode_policies(policies, sizeof(policies));
	real_start_configured(&self->d, daemon, policies);
}
FIXTURE_TEARDOWN(revocation)
{
	real_stop(&self->d);
	proc_kill(&self->fetch, SIGTERM);
}

/* --- clients --- */

static const struct ktls_versions versions[] = { { 0x0303, 0x0303 }, { 0x0304, 0x0304 } };

/* Of the next sockets: their version, and whether they keep tickets. */
static const struct ktls_versions *client_version;
static bool client_resumes;

static int client_socket(int mode)
{
	int fd = mode_socket(mode, "server.test");

	if (client_version)
		OK(setsockopt(fd, SOL_TLS, KTLS_VERSIONS, client_version, sizeof(*client_version)));
	if (!client_resumes)
		OK(sock_set_u32(fd, KTLS_TICKETS, 0));
	return fd;
}

/* connect() succeeds, and KTLS_INFO says @how. Returns the socket. */
static int open_good(const struct site *s, int mode, uint32_t how)
{
	int fd = client_socket(mode);

	if (connect(fd, &s->a.sa, s->a.len))
		harness_fail(__FILE__, __LINE__, "%s: %s", mode_names[mode], sock_error(fd));
	EXPECT_EQ(how, sock_info(fd).revocation);
	EXPECT_TRUE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
	return fd;
}

static void expect_good(const struct site *s, int mode, uint32_t how)
{
	close(open_good(s, mode, how));
}

static bool says(int fd, const char *text)
{
	if (strstr(sock_error(fd), text))
		return true;
	harness_note("KTLS_ERROR does not say \"%s\": %s", text, sock_error(fd));
	return false;
}

/* Returns whether connect() fails; then it must be because of @text. */
static bool is_refused_on(int fd, const struct site *s, const char *text)
{
	int ret = connect(fd, &s->a.sa, s->a.len), err = errno;

	if (ret) {
		EXPECT_ERRNO(EKEYREJECTED, err);
		EXPECT_TRUE(says(fd, text));
		EXPECT_FALSE(sock_info(fd).flags & KTLS_INFO_VERIFIED);
		FAILS(EPIPE, send(fd, "x", 1, MSG_NOSIGNAL));
	}
	close(fd);
	return ret;
}

static bool is_refused(const struct site *s, int mode, const char *text)
{
	return is_refused_on(client_socket(mode), s, text);
}

static void expect_echo(int fd)
{
	char buf[6] = "";

	net_write(fd, "alive", 5);
	net_read(fd, buf, 5);
	EXPECT_STREQ("alive", buf);
}

/* --- who says what --- */

static const struct chain plain = { .name = "the CA's own" };

#define SAYS_RESPONDER	", says its OCSP responder"
#define SAYS_STAPLE	", says the OCSP response stapled by the server"
#define SAYS_CRL	", says the CRL of 'ktls test ca'"

/* An intermediate that names a responder; the leaf below it names none. */
static const struct chain below_sub = {
	.name = "a sub-CA's",
	.ca = { { .cn = "sub", .ext = { "authorityInfoAccess=OCSP;URI:http://127.0.0.1:8800/" } } },
};

/* By openssl ocsp. */
TEST_F_TIMEOUT(revocation, by_responder, 60)
{
	static struct site good, bad, unknown, below_good, below_bad;
	struct proc responder;

	site_start(&good, &plain, 8800);
	site_start(&bad, &plain, 8800);
	site_start(&unknown, &plain, 8800);
	site_start(&below_good, &below_sub, 0);
	site_start(&below_bad, &below_sub, 0);
	authority_add_to_index(self->index, good.made.certs[0], 'V');
	authority_add_to_index(self->index, bad.made.certs[0], 'R');
	authority_add_to_index(self->index, below_good.made.certs[1], 'V');
	authority_add_to_index(self->index, below_bad.made.certs[1], 'R');
	responder_start_openssl(&responder, 8800, self->index);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		client_version = &versions[i];
		expect_good(&good, OCSP, KTLS_REVOCATION_OCSP);
		expect_good(&good, HARD, KTLS_REVOCATION_OCSP);
		EXPECT_TRUE(is_refused(&bad, OCSP, "was revoked on 2026-01-01 00:00:00 UTC "
				       "(keyCompromise)" SAYS_RESPONDER));
		EXPECT_TRUE(is_refused(&bad, HARD, SAYS_RESPONDER));
		EXPECT_TRUE(is_refused(&unknown, OCSP, "is not known to its issuer"
				       SAYS_RESPONDER));
		expect_good(&below_good, OCSP, KTLS_REVOCATION_NO_ANSWER);
		EXPECT_TRUE(is_refused(&below_good, HARD, "the certificate names none"));
		EXPECT_TRUE(is_refused(&below_bad, OCSP, "(number 1) in the peer's chain was "
				       "revoked on"));
	}
	/* Nobody else asks. */
	expect_good(&bad, CRL, KTLS_REVOCATION_UNCHECKED);
	proc_kill(&responder, SIGTERM);
}

static const struct chain below_sub_1 = { "of a sub-CA", .ca = { { .cn = "sub 1" } } };
static const struct chain below_sub_2 = { "of a revoked sub-CA", .ca = { { .cn = "sub 2" } } };
static const struct chain below_sub_3 = { "of a sub-CA with a stale CRL",
					  .ca = { { .cn = "sub 3" } } };

/* Of the issuer of a site, beside those that are there. */
static void write_crl_of(const struct site *s, const char *dir, const char *name, int days)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/crls/%s", dir, name);
	authority_write_crl(path, s->made.issuer, s->made.issuer_key, (X509 *[]) { NULL }, days);
}

TEST_F_TIMEOUT(revocation, by_crl, 60)
{
	static struct site good, bad, below_good, below_bad, below_stale;

	site_start(&good, &plain, 0);
	site_start(&bad, &plain, 0);
	site_start(&below_good, &below_sub_1, 0);
	site_start(&below_bad, &below_sub_2, 0);
	site_start(&below_stale, &below_sub_3, 0);
	expect_good(&bad, CRL, KTLS_REVOCATION_UNCHECKED);
	EXPECT_TRUE(is_refused(&bad, HARD, "the certificate names none"));
	write_crl_of(&below_good, self->dir, "sub1.pem", 1);
	write_crl_of(&below_stale, self->dir, "sub3.pem", -1);
	authority_write_crl(self->crl, good.made.issuer, good.made.issuer_key,
			    (X509 *[]) { bad.made.certs[0], below_bad.made.certs[1], NULL }, 1);
	OK(kill(self->d.pid, SIGHUP));
	EVENTUALLY(is_refused(&bad, CRL, SAYS_CRL), 10000);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		client_version = &versions[i];
		expect_good(&good, CRL, KTLS_REVOCATION_CRL);
		expect_good(&below_good, HARD, KTLS_REVOCATION_CRL);
		EXPECT_TRUE(is_refused(&bad, HARD, "was revoked on 20"));
		EXPECT_TRUE(is_refused(&below_bad, CRL, "(number 1) in the peer's chain was "
				       "revoked on 20"));
		EXPECT_TRUE(is_refused(&below_stale, CRL, "the CRL of 'sub 3' is stale"));
		expect_good(&bad, STAPLE, KTLS_REVOCATION_UNCHECKED);
	}
}

/* A program's own trust anchors: staples only, unless a policy says otherwise. */
TEST_F_TIMEOUT(revocation, with_own_anchors, 60)
{
	static struct site bad;
	int fd;

	site_start(&bad, &plain, 0);
	authority_write_crl(self->crl, bad.made.issuer, bad.made.issuer_key,
			    (X509 *[]) { bad.made.certs[0], NULL }, 1);
	OK(kill(self->d.pid, SIGHUP));
	EVENTUALLY(is_refused(&bad, CRL, SAYS_CRL), 10000);
	fd = client_socket(HARD);
	interop_set_file(fd, KTLS_TRUST, "ca.pem");
	OK(connect(fd, &bad.a.sa, bad.a.len));
	EXPECT_EQ(KTLS_REVOCATION_UNCHECKED, sock_info(fd).revocation);
	close(fd);
	fd = client_socket(HARD_OWN_ANCHORS);
	interop_set_file(fd, KTLS_TRUST, "ca.pem");
	EXPECT_TRUE(is_refused_on(fd, &bad, SAYS_CRL));
}

/* From and to when, in seconds from now */
#define ANSWER(about, begin, end)	.status = V_OCSP_CERTSTATUS_##about, .from = (begin), .to = (end)

static const struct authority_answer answer_good = { ANSWER(GOOD, -60, 3600) };
static const struct authority_answer answer_revoked = { ANSWER(REVOKED, -60, 3600) };

static const struct { struct authority_answer answer; const char *text; } bad_staples[] = {
	{ { ANSWER(REVOKED, -60, 3600) }, "(keyCompromise)" SAYS_STAPLE },
	{ { ANSWER(UNKNOWN, -60, 3600) }, "is not known to its issuer" SAYS_STAPLE },
	{ { ANSWER(GOOD, -7200, -3600) }, "is refused: it is out of date" },
	{ { ANSWER(GOOD, -60, 3600), .other_signer = true }, "has not authorized" },
	{ { ANSWER(GOOD, -60, 3600), .other_serial = true }, "about another certificate" },
};

TEST_F_TIMEOUT(revocation, by_staple, 60)
{
	static const struct chain must = { "must-staple",
					   .leaf = { .ext = { "tlsfeature=status_request" } } };
	static struct site s, strict;

	site_start(&s, &plain, 0);
	site_start(&strict, &must, 0);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		client_version = &versions[i];
		site_staple(&s, NULL);
		expect_good(&s, STAPLE, KTLS_REVOCATION_UNCHECKED);
		site_staple(&s, &answer_good);
		expect_good(&s, STAPLE, KTLS_REVOCATION_STAPLE);
		expect_good(&s, HARD, KTLS_REVOCATION_STAPLE);
		for (size_t k = 0; k < ARRAY_SIZE(bad_staples); k++) {
			site_staple(&s, &bad_staples[k].answer);
			EXPECT_TRUE(is_refused(&s, STAPLE, bad_staples[k].text));
		}
		expect_good(&s, OFF, KTLS_REVOCATION_UNCHECKED);
		EXPECT_TRUE(is_refused(&strict, STAPLE, "(must-staple), and the server sent none"));
	}
	site_staple(&strict, &answer_good);
	expect_good(&strict, STAPLE, KTLS_REVOCATION_STAPLE);
}

/* --- revoked meanwhile --- */

/* Connections live on. The next one fails: by a CRL soon after it was published, by a responder
 * when its last answer is out of date, although both sessions could be resumed.
 */
TEST_F_TIMEOUT(revocation, of_connected_clients, 60)
{
	static struct site in_crl, asked;
	static struct responder responder = {
		.port = 8801, .made = &asked.made, .answer = { ANSWER(GOOD, -60, 2) },
	};
	double start;
	int fds[2];

	client_resumes = true;
	site_start(&in_crl, &plain, 0);
	site_start(&asked, &below_sub_1, 8801);
	responder_start(&responder);
	authority_write_crl(self->crl, in_crl.made.issuer, in_crl.made.issuer_key,
			    (X509 *[]) { NULL }, 1);
	OK(kill(self->d.pid, SIGHUP));
	EVENTUALLY(!is_refused(&in_crl, HARD, "names none"), 10000);
	fds[0] = open_good(&in_crl, CRL, KTLS_REVOCATION_CRL);
	fds[1] = open_good(&asked, HARD, KTLS_REVOCATION_OCSP);
	expect_echo(fds[0]);
	expect_echo(fds[1]);

	start = harness_now();
	responder.answer = answer_revoked;
	authority_write_crl(self->crl, in_crl.made.issuer, in_crl.made.issuer_key,
			    (X509 *[]) { in_crl.made.certs[0], NULL }, 1);
	EVENTUALLY(is_refused(&asked, HARD, SAYS_RESPONDER), 10000);
	harness_note("%.1f s later the answer of two seconds is replaced", harness_now() - start);
	EXPECT_TRUE(harness_now() - start < 3 + harness_scale());
	EVENTUALLY(is_refused(&in_crl, CRL, SAYS_CRL), 10000);
	harness_note("%.1f s later the CRL is in force", harness_now() - start);
	EXPECT_LE(2, responder.asked);
	expect_echo(fds[0]);
	expect_echo(fds[1]);
}

/* --- CRLs that are fetched --- */

/* Certificates name where the CRL is; @server has it. */
FIXTURE(fetching)
{
	struct proc d, fetch;
	char dir[32], daemon[200], policies[700];
	struct crl_server server;
};

FIXTURE_SETUP(fetching)
{
	net_new();
	signal(SIGPIPE, SIG_IGN);
	strcpy(self->dir, "/tmp/ktls-fetching-XXXXXX");
	ASSERT_TRUE(mkdtemp(self->dir));
	OK(setenv("CACHE_DIRECTORY", self->dir, 1));
	fetch_start(&self->fetch, self->dir);
	snprintf(self->daemon, sizeof(self->daemon),
		 "revocation = off\ncrl_fetch = yes\nfetch_socket = %s/fetch\n", self->dir);
	mode_policies(self->policies, sizeof(self->policies));
	real_start_configured(&self->d, self->daemon, self->policies);
	self->server.port = 8810;
	snprintf(self->server.path, sizeof(self->server.path), "%s/ca.pem", self->dir);
}
FIXTURE_TEARDOWN(fetching)
{
	real_stop(&self->d);
	proc_kill(&self->fetch, SIGTERM);
}

static const struct chain pointed = {
	.name = "the CA's own, with the place of its CRL",
	.leaf = { .ext = { "crlDistributionPoints=URI:http://127.0.0.1:8810/ca.crl" } },
};

/* Return: how the server's certificate was checked. */
static uint32_t check_of(const struct site *s, int mode)
{
	int fd = client_socket(mode);
	uint32_t how;

	OK(connect(fd, &s->a.sa, s->a.len));
	how = sock_info(fd).revocation;
	close(fd);
	return how;
}

/* No handshake waits for it. It is fetched once, and in force from the next start on. */
TEST_F_TIMEOUT(fetching, by_crl, 60)
{
	static struct site good, bad;

	site_start(&good, &pointed, 0);
	site_start(&bad, &pointed, 0);
	authority_write_crl(self->server.path, good.made.issuer, good.made.issuer_key,
			    (X509 *[]) { bad.made.certs[0], NULL }, 1);
	crl_server_start(&self->server);
	EXPECT_TRUE(is_refused(&good, HARD, "the certificate names none"));
	EVENTUALLY(check_of(&good, CRL) == KTLS_REVOCATION_CRL, 10000);
	EXPECT_TRUE(proc_printed(&self->d, "The CRL of 'ktls test ca' was fetched from "
				 "http://127.0.0.1:8810/ca.crl"));
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		client_version = &versions[i];
		expect_good(&good, HARD, KTLS_REVOCATION_CRL);
		EXPECT_TRUE(is_refused(&bad, CRL, SAYS_CRL));
		expect_good(&bad, STAPLE, KTLS_REVOCATION_UNCHECKED);
	}
	EXPECT_EQ(1, self->server.asked);
	proc_kill(&self->fetch, SIGKILL);
	real_stop(&self->d);
	real_start_configured(&self->d, self->daemon, self->policies);
	EXPECT_TRUE(is_refused(&bad, CRL, SAYS_CRL));
	expect_good(&good, HARD, KTLS_REVOCATION_CRL);
	fetch_start(&self->fetch, self->dir);
}

/* --- responders that are no help --- */

struct kind {
	const char		*name, *text;	/* what KTLS_ERROR says in the mode hard */
	struct responder	responder;
	bool			waits;		/* for as long as a handshake does */
};

static struct kind kinds[] = {
	{ .name = "silent", .text = "it did not answer in time",
	  .responder = { .port = 8801, .silent = true }, .waits = true },
	{ .name = "slow", .text = "it did not answer in time",
	  .responder = { .port = 8802, .slow = true, .answer = { ANSWER(GOOD, -60, 3600) } }, .waits = true },
	{ .name = "wrong signer", .text = "it is signed by somebody whom the issuer has not authorized",
	  .responder = { .port = 8803, .answer = { ANSWER(GOOD, -60, 3600), .other_signer = true } } },
	{ .name = "wrong serial", .text = "it is about another certificate",
	  .responder = { .port = 8804, .answer = { ANSWER(GOOD, -60, 3600), .other_serial = true } } },
	{ .name = "wrong nonce", .text = "it answers another request: its nonce is wrong",
	  .responder = { .port = 8805, .answer = { ANSWER(GOOD, -60, 3600), .other_nonce = true } } },
	{ .name = "expired", .text = "it is out of date",
	  .responder = { .port = 8806, .answer = { ANSWER(GOOD, -7200, -3600) } } },
	{ .name = "down", .text = "cannot be reached: Connection refused" },
};

#define KINDS	ARRAY_SIZE(kinds)

/* A connection to the site whose certificate names that responder. */
struct cell {
	int		fd;
	struct job	job;
};

static struct site sites[KINDS];
static struct cell cells[KINDS][MODES];

static void start_kinds(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct responder *r = &kinds[k].responder;

		site_start(&sites[k], &plain, r->port ? r->port : 8899);
		r->made = &sites[k].made;
		if (r->port)
			responder_start(r);
	}
}

/* All at the same time, so that it takes no longer than one of them. */
static void start_cells(int first, int last)
{
	for (size_t k = 0; k < KINDS; k++)
		for (int mode = first; mode <= last; mode++) {
			client_version = &versions[k % 2];
			cells[k][mode].fd = client_socket(mode);
			job_connect(&cells[k][mode].job, cells[k][mode].fd, &sites[k].a);
		}
}

static void wait_cells(int first, int last)
{
	for (size_t k = 0; k < KINDS; k++)
		for (int mode = first; mode <= last; mode++)
			job_wait(&cells[k][mode].job, 20000);
}

static void show_cells(void)
{
	char line[200];
	int len;

	harness_note("%-13s%13s%13s%13s%13s%18s", "responder", "off", "staple", "crl", "ocsp",
		     "hard");
	for (size_t k = 0; k < KINDS; k++) {
		len = snprintf(line, sizeof(line), "%-13s", kinds[k].name);
		for (int mode = OFF; mode < MODES; mode++)
			len += snprintf(line + len, sizeof(line) - len, "%*s %3.1f s",
					mode == HARD ? 13 : 7,
					!cells[k][mode].job.ret ? "good" :
					cells[k][mode].job.err == EKEYREJECTED ? "EKEYREJECTED" :
					"?", cells[k][mode].job.seconds);
		harness_note("%s", line);
	}
	for (size_t k = 0; k < KINDS; k++)
		harness_note("%s, hard: %s", kinds[k].name, sock_error(cells[k][HARD].fd));
}

static void check_cells(void)
{
	double slack = 2 * harness_scale(), *shortest = &cells[0][OCSP].job.seconds;

	for (size_t k = 0; k < KINDS; k++) {
		for (int mode = OFF; mode < HARD; mode++) {
			ASSERT_EQ(0, cells[k][mode].job.ret);
			EXPECT_EQ(mode == OCSP ? KTLS_REVOCATION_NO_ANSWER :
				  KTLS_REVOCATION_UNCHECKED, sock_info(cells[k][mode].fd).revocation);
		}
		EXPECT_EQ(-1, cells[k][HARD].job.ret);
		EXPECT_ERRNO(EKEYREJECTED, cells[k][HARD].job.err);
		EXPECT_TRUE(says(cells[k][HARD].fd, kinds[k].text));
		for (int mode = OCSP; mode <= HARD; mode++) {
			double seconds = cells[k][mode].job.seconds;

			if (kinds[k].waits)
				EXPECT_TRUE(seconds >= WAIT_SECONDS - 0.5 &&
					    seconds <= WAIT_SECONDS + slack);
			else
				EXPECT_TRUE(seconds < *shortest);
		}
	}
}

/* The median of handshakes that ask nobody, until those that wait have finished. */
static void expect_honest(struct honest *h, const struct job *waiting)
{
	double seconds[7], best = 1e9;
	size_t n = 0;

	while (n < ARRAY_SIZE(seconds)) {
		seconds[n] = honest_handshake(h);
		if (waiting->done)
			break;
		best = seconds[n] < best ? seconds[n] : best;
		n++;
	}
	ASSERT_LT(0, n);
	harness_note("a handshake beside them takes %.0f ms, normally %.0f; the best of %zu",
		     best * 1e3, h->normal * 1e3, n);
	/* and a grain for the scheduler */
	EXPECT_TRUE(best <= 2 * h->normal + 0.04);
}

static bool only_waiting(void)
{
	bool ret = true;

	for (size_t k = 0; k < KINDS; k++)
		ret = ret && (kinds[k].waits || (cells[k][OCSP].job.done && cells[k][HARD].job.done));
	return ret;
}

TEST_F_TIMEOUT(revocation, without_a_valid_answer, 60)
{
	struct honest honest;

	start_kinds();
	honest_start(&honest, 0);
	start_cells(OFF, CRL);
	wait_cells(OFF, CRL);
	for (size_t k = 0; k < KINDS; k++)
		EXPECT_EQ(0, kinds[k].responder.asked);
	start_cells(OCSP, HARD);
	EVENTUALLY(only_waiting(), 5000);
	expect_honest(&honest, &cells[0][OCSP].job);
	wait_cells(OCSP, HARD);
	show_cells();
	for (size_t k = 0; k < KINDS; k++)
		EXPECT_EQ(kinds[k].responder.port ? 1 : 0, kinds[k].responder.asked);
	check_cells();
}

TEST_HARNESS_MAIN
