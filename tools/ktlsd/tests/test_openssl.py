#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_openssl.py DIR: unit tests of DIR again, under other configurations of OpenSSL.

Debian has no FIPS provider. Set KTLS_FIPS_MODULE to a fips.so that was built from OpenSSL's
sources (./Configure enable-fips), or install one where OpenSSL looks for its modules.
"""
import os
import re
import subprocess
import sys

from test_daemon import main

BUILD = sys.argv[1]
SCALE = float(os.environ.get("KTLS_TEST_SCALE", "1"))

# These use no algorithm that the FIPS provider does not have.
PROGRAMS = ("signer", "server_tickets", "session", "peer_cert", "own_cert", "crls")

CONFIGURATION = """\
openssl_conf = init
[init]
providers = provider_list
alg_section = algorithms
[provider_list]
base = base_section
{name} = {section}
[base_section]
activate = 1
[algorithms]
default_properties = {properties}
"""


def find_fips():
    """Returns the path of the FIPS provider, or None."""
    done = subprocess.run(["openssl", "version", "-m"], capture_output=True, text=True,
                          check=True)
    path = os.environ.get("KTLS_FIPS_MODULE",
                          re.search(r'"(.*)"', done.stdout)[1] + "/fips.so")
    return path if os.path.exists(path) else None


def run(program, conf):
    return subprocess.run([f"{BUILD}/test_{program}"], capture_output=True, text=True,
                          check=False, timeout=300 * SCALE,
                          env={**os.environ, "OPENSSL_CONF": conf})


def write_conf(path, properties, name="default", section="default_section", more=""):
    with open(path, "w", encoding="ascii") as file:
        file.write(CONFIGURATION.format(name=name, section=section, properties=properties))
        file.write(more)
    return path


def run_all(conf):
    for program in PROGRAMS:
        done = run(program, conf)
        assert done.returncode == 0, f"test_{program}: {done.stdout[-600:]}{done.stderr[-600:]}"


def test_provider(path):
    """default_properties = provider=default leaves ktlsd its keys in the signer"""
    run_all(write_conf(path + "/conf", "provider=default",
                       more="[default_section]\nactivate = 1\n"))


def test_fips(path):
    """ktlsd works with OpenSSL's FIPS provider and default_properties = fips=yes"""
    module = find_fips()
    if not module:
        return "there is no FIPS provider: see KTLS_FIPS_MODULE"
    install = path + "/fips.cnf"
    subprocess.run(["openssl", "fipsinstall", "-module", module, "-out", install],
                   check=True, capture_output=True)
    with open(install, encoding="ascii") as file:
        conf = write_conf(path + "/conf", "fips=yes", "fips", "fips_sect",
                          file.read() + f"module = {module}\n")
    run_all(conf)
    return None


if __name__ == "__main__":
    sys.exit(main(globals()))
