#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# example_asyncio.py server PORT IDENTITY: send lines back in capitals.
# example_asyncio.py client HOST PORT: send it a line, and print what comes back.
import asyncio
import sys

import ktls.aio


async def capitals(reader, writer):
    async for line in reader:
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def serve(port, identity):
    async with await ktls.aio.start_server(capitals, "", int(port), identity) as server:
        await server.serve_forever()


async def ask(host, port):
    reader, writer = await ktls.aio.open_connection(host, int(port))
    writer.write(b"hello\n")
    print((await reader.readline()).decode(), end="")
    writer.close()
    await writer.wait_closed()


role, *arguments = sys.argv[1:]
asyncio.run({"server": serve, "client": ask}[role](*arguments))
