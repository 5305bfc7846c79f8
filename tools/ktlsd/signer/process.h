/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signer process: it reads the private key files, holds all private keys, and signs. What
 * parses the bytes of peers is another process, which asks it. From ktlsd_signer_start() on,
 * files are read by the signer too, and a file's private keys are left out.
 */
#ifndef KTLSD_SIGNER_PROCESS_H
#define KTLSD_SIGNER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/log.h"

struct ktlsd_fault;

/* Forks the signer. Before any thread is started, and before the first file is read.
 * @config_path: of ktlsd.conf, which the signer reads too, to know what it permits; NULL: it
 *	permits nothing
 * Return: 0 or a negative errno.
 */
int ktlsd_signer_start(const char *config_path);

/* Lets the signer read ktlsd.conf, after it was read here: what that permits is in force
 * before a worker relies on it. Return: 0, or a negative errno, also without a signer
 */
int ktlsd_signer_configure(struct ktlsd_fault *fault);

/* Return: a descriptor that poll() reports as hung up when the signer has ended; -1 without
 * a signer.
 */
int ktlsd_signer_fd(void);

/* Asks the signer for a sign of life. Main thread. Return: whether it has given the last one, as
 * it does within milliseconds; true without a signer
 */
bool ktlsd_signer_is_alive(void);

/* Waits a few seconds for a sign of life, before it is asked for much. Main thread. Return: whether
 * it gave one, or has ended; true without a signer
 */
bool ktlsd_signer_await(void);

/* Return: a socket to threads of the signer for one more worker, or a negative errno. */
int ktlsd_signer_open_channel(void);

/* Lets the signer log there too. */
void ktlsd_signer_log(enum ktlsd_log_target target, enum ktlsd_log_level level);

/* The signer can forget a key. Any thread. */
void ktlsd_signer_release(uint64_t handle);

/* Lets the signer exit, and waits for that. */
void ktlsd_signer_stop(void);

#endif
