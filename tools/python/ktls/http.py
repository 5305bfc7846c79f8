# SPDX-License-Identifier: GPL-2.0-or-later OR BSD-3-Clause
"""HTTPS with ktls, for http.client, urllib.request and http.server.

    opener = urllib.request.build_opener(ktls.http.HTTPSHandler())
    opener.open("https://www.example.org/")

    ktls.http.HTTPServer(("", 443), Handler, identity="www").serve_forever()
"""

import http.client
import http.server
import socket
import urllib.request
from typing import Any, Optional, Tuple, Type

from . import IDENTITY, Options, _with, explained, prepare, wrap_client


class HTTPSConnection(http.client.HTTPConnection):
    """As that of http.client. The name of the host is verified, also behind a proxy."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, host: str, port: Optional[int] = None, *,
                 options: Optional[Options] = None, **more: Any) -> None:
        super().__init__(host, port, **more)
        self.options = options

    def connect(self) -> None:
        super().connect()		# TCP, and a proxy's CONNECT
        try:
            wrap_client(self.sock, getattr(self, "_tunnel_host", None) or self.host,
                        self.options)
        except BaseException:
            self.close()
            raise


class HTTPSHandler(urllib.request.HTTPSHandler):
    """For build_opener() in place of the one that uses the module ssl."""

    def __init__(self, options: Optional[Options] = None) -> None:
        super().__init__()
        self.options = options

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(HTTPSConnection, req, options=self.options)


class HTTPServer(http.server.ThreadingHTTPServer):
    """As that of http.server, with an identity of ktlsd.conf. Handshakes are over before a
    handler runs, and delay nobody."""

    def __init__(self, address: Tuple[str, int],
                 handler: Type[http.server.BaseHTTPRequestHandler],
                 identity: Optional[str] = None, options: Optional[Options] = None) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler, bind_and_activate=False)
        try:
            self.server_bind()
            prepare(self.socket, _with(options, IDENTITY, identity))
            self.server_activate()
        except OSError as e:
            failed = explained(self.socket, e)
            self.server_close()
            raise failed from None
