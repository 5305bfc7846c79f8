#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# example_http.py PORT IDENTITY: serve the files in this directory over HTTPS.
import http.server
import sys

import ktls.http

port, identity = sys.argv[1:]
with ktls.http.HTTPServer(("", int(port)), http.server.SimpleHTTPRequestHandler,
                          identity) as server:
    server.serve_forever()
