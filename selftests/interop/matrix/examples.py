# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples in Go and Rust, with openssl at the other end."""

from peers import PAGE, key, pem

PORT = 19000


def client(program, start, listening):
    """It fetches a page, and refuses a server with another name."""
    server = start(["openssl", "s_server", "-WWW", "-accept", str(PORT),
                    "-cert", pem("rsa"), "-key", key("rsa")])
    try:
        server.wait_for(lambda: listening(PORT))
        fetched = finished(start([program, "client", f"127.0.0.1:{PORT}", "server.test"]))
        with open(PAGE, encoding="ascii") as file:
            if file.read() not in fetched[1] or fetched[0] != 0:
                return f"fetched {fetched[1][-300:]!r}"
        status, text = finished(start([program, "client", f"127.0.0.1:{PORT}", "other.test"]))
        if status == 0 or "other.test" not in text or "line 1 of" in text:
            return f"connects to another server: {status}, {text[-300:]!r}"
        return ""
    finally:
        server.stop()


def server(program, start, listening):
    """It greets a client, and says what is wrong with an identity."""
    it = start([program, "server", f"127.0.0.1:{PORT}", "ecdsa"])
    try:
        it.wait_for(lambda: listening(PORT))
        asks = start(["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-servername",
                      "server.test", "-CAfile", pem("ca"), "-verify_return_error", "-ign_eof"])
        asks.feed("GET /page HTTP/1.0\r\n\r\n")
        status, text = finished(asks)
        if status != 0 or "Hello over TLS" not in text:
            return f"the client printed {text[-300:]!r}"
        status, text = finished(start([program, "server", "127.0.0.1:0", "nobody"]))
        return "" if status != 0 and "no identity 'nobody'" in text else f"identity nobody: {text[-300:]!r}"
    finally:
        it.stop()


def finished(process):
    """Its status, and what it printed."""
    process.wait_for(lambda: process.process.poll() is not None)
    return process.process.returncode, process.printed()


def try_all(report, built, start, listening):
    for language, program in ("Go", f"{built}/goexample"), (
            "Rust", f"{built}/rust/target/release/rustexample"):
        for test in client, server:
            try:
                fault = test(program, start, listening)
            except (OSError, TimeoutError) as e:
                fault = repr(e)
            if fault:
                print("#", fault[:1000])
            report.result(not fault, f"the example in {language} as {test.__name__}")
