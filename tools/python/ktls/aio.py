# SPDX-License-Identifier: GPL-2.0-or-later OR BSD-3-Clause
"""TLS streams with ktls, for asyncio.

    reader, writer = await ktls.aio.open_connection("www.example.org", 443)

    server = await ktls.aio.start_server(serve, "", 443, identity="www")

For protocols instead of streams: loop.create_connection(..., sock=await
ktls.aio.connect(...)) and loop.create_server(..., sock=ktls.listen(...)).
"""

import asyncio
import socket
from typing import Any, Awaitable, Callable, Optional, Tuple

from . import Options, SERVER_NAME, _Attempts, _with, listen, prepare


async def connect(host: str, port: int, server_name: Optional[str] = None,
                  options: Optional[Options] = None) -> socket.socket:
    """A socket that is connected to that host, or server_name. For a deadline:
    asyncio.wait_for()."""
    loop = asyncio.get_running_loop()
    options = _with(options, SERVER_NAME, server_name or (None if "%" in host else host))
    attempts = _Attempts(host)
    for family, kind, protocol, _, where in await loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM):
        with attempts.on(socket.socket(family, kind, protocol)) as sock:
            sock.setblocking(False)
            prepare(sock, options)
            await loop.sock_connect(sock, where)
            return sock
        if attempts.over:
            break
    raise attempts.failed


async def open_connection(host: str, port: int, server_name: Optional[str] = None,
                          options: Optional[Options] = None, **more: Any
                          ) -> Tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As asyncio.open_connection(), of which it takes the other arguments."""
    sock = await connect(host, port, server_name, options)
    return await asyncio.open_connection(sock=sock, **more)


async def start_server(
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Optional[Awaitable[None]]],
        host: str, port: int, identity: Optional[str] = None,
        options: Optional[Options] = None, **more: Any) -> asyncio.AbstractServer:
    """As asyncio.start_server(), of which it takes the other arguments."""
    sock = listen((host, port), identity, options)
    sock.setblocking(False)
    return await asyncio.start_server(serve, sock=sock, **more)
