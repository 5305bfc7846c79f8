#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# example_urllib.py URL: fetch an https:// URL.
import shutil
import sys
import urllib.request

import ktls.http

opener = urllib.request.build_opener(ktls.http.HTTPSHandler())
with opener.open(sys.argv[1]) as answer:
    shutil.copyfileobj(answer, sys.stdout.buffer)
