# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs at the other end: their command lines, and what they cannot do.

A Peer has server(cell, port) and client(cell, port), which return the arguments, or
raise Missing with the reason why there is no such cell. The peer answers "GET /" with
PAGE, or asks for it and prints what it gets.
"""

import os
import subprocess

WORK = "/tmp/matrix"
PAGE = WORK + "/page"
PSK = "0123456789abcdef0123456789abcdef"
PSK_NAME = "matrix"
ALPN = "http/1.1"


class Missing(Exception):
    """The program has no way to do that."""


def pem(name):
    return f"{WORK}/pki/{name}.pem"


def key(name):
    return f"{WORK}/pki/{name}.key"


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout.strip().splitlines() or [f"exit status {done.returncode}"]


class Peer:
    name = ""
    asks = "GET / HTTP/1.0\r\n\r\n"		# what a client is fed
    requests_to_resume = 2			# does the first connection have one, too?

    def prepare(self):
        """Once, before the first cell."""

    def version(self):
        return "?"

    def check(self, cell):
        """Missing, for what neither client nor server can do."""
        if cell.what == "psk" and cell.version == "1.2":
            raise Missing("ktls has pre-shared keys in TLS 1.3 only")

    def resumed(self, printed):
        """Does the client say that it resumed? None: it does not say."""
        return "resumed=true" in printed


class OpenSSL(Peer):
    name = "openssl"

    def version(self):
        return output("openssl", "version")[0].split()[1]

    def options(self, cell):
        options = ["-tls" + cell.version.replace(".", "_")]
        if cell.what == "psk":
            return options + ["-psk", PSK, "-psk_identity", PSK_NAME]
        if cell.what == "alpn":
            options += ["-alpn", ALPN]
        return options

    def server(self, cell, port):
        command = ["openssl", "s_server", "-WWW", "-accept", str(port), *self.options(cell)]
        if cell.what == "psk":
            return command + ["-nocert"]
        command += ["-cert", pem(cell.key), "-key", key(cell.key)]
        if cell.what == "mtls":
            command += ["-Verify", "2", "-CAfile", pem("ca"), "-verify_return_error"]
        return command

    def client(self, cell, port):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", "-servername",
                   "server.test", *self.options(cell)]
        if cell.what != "psk":
            command += ["-CAfile", pem("ca"), "-verify_return_error"]
        if cell.what == "mtls":
            command += ["-cert", pem("client"), "-key", key("client")]
        if cell.what == "resumed":
            saved = WORK + "/session"
            first = " ".join([*command, "-sess_out", saved])
            second = " ".join([*command, "-sess_in", saved])
            ask = "printf 'GET / HTTP/1.0\\r\\n\\r\\n'"
            return ["sh", "-c", f"rm -f {saved}; {ask} | {first}; {ask} | {second}"]
        return command

    def resumed(self, printed):
        return "Reused, TLS" in printed


class GnuTLS(Peer):
    name = "gnutls"
    requests_to_resume = 1

    def version(self):
        return output("gnutls-cli", "--version")[0].split()[-1]

    def priority(self, cell):
        kx = ":+PSK:+DHE-PSK:+ECDHE-PSK" if cell.what == "psk" else ""
        return ["--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{cell.version}{kx}"]

    def server(self, cell, port):
        command = ["gnutls-serv", "--http", "--httpdata", PAGE, "--port", str(port),
                   *self.priority(cell)]
        if cell.what == "psk":
            with open(WORK + "/psk.txt", "w", encoding="ascii") as file:
                file.write(f"{PSK_NAME}:{PSK}\n")
            return command + ["--pskpasswd", WORK + "/psk.txt"]
        command += ["--x509certfile", pem(cell.key), "--x509keyfile", key(cell.key)]
        if cell.what == "mtls":
            command += ["--require-client-cert", "--verify-client-cert", "--x509cafile", pem("ca")]
        else:
            command += ["--disable-client-cert"]
        if cell.what == "alpn":
            command += ["--alpn", ALPN, "--alpn-fatal"]
        return command

    def client(self, cell, port):
        command = ["gnutls-cli", "--sni-hostname", "server.test", "--verify-hostname",
                   "server.test", "--port", str(port), "127.0.0.1", *self.priority(cell)]
        if cell.what == "psk":
            return command + ["--pskusername", PSK_NAME, "--pskkey", PSK]
        command += ["--x509cafile", pem("ca")]
        if cell.what == "mtls":
            command += ["--x509certfile", pem("client"), "--x509keyfile", key("client")]
        if cell.what == "alpn":
            command += ["--alpn", ALPN]
        if cell.what == "resumed":
            command += ["--resume"]
            if cell.version == "1.3":
                command += ["--waitresumption"]
        return command

    def resumed(self, printed):
        return "This is a resumed session" in printed


class NSS(Peer):
    name = "nss"
    db = WORK + "/nss"

    def version(self):
        return output("dpkg-query", "-W", "-f", "${source:Upstream-Version}", "libnss3")[0]

    def prepare(self):
        os.makedirs(self.db)
        store = "sql:" + self.db
        output("certutil", "-N", "-d", store, "--empty-password")
        output("certutil", "-A", "-d", store, "-n", "ca", "-t", "CT,C,", "-i", pem("ca"))
        for name in "rsa", "ecdsa", "p384", "client":
            output("openssl", "pkcs12", "-export", "-in", pem(name), "-inkey", key(name),
                   "-name", name, "-out", WORK + "/p12", "-passout", "pass:x")
            output("pk12util", "-i", WORK + "/p12", "-d", store, "-W", "x")

    def check(self, cell):
        super().check(cell)
        if cell.key == "ed25519":
            raise Missing("Debian's NSS has no Ed25519")

    def options(self, cell):
        options = ["-d", "sql:" + self.db, "-V", f"tls{cell.version}:tls{cell.version}"]
        if cell.what == "psk":
            options += ["-z", f"0x{PSK}:{PSK_NAME}"]
        return options

    def server(self, cell, port):
        # ECDSA certificates have an option of their own, the RSA one must be there, too.
        command = ["selfserv", "-p", str(port), "-n", "rsa", "-u", *self.options(cell)]
        if cell.key != "rsa":
            command = ["selfserv", "-p", str(port), "-e", cell.key, "-u", *self.options(cell)]
        if cell.what == "mtls":
            command += ["-r", "-r"]
        if cell.what == "alpn":
            command += ["-Q"]
        return command

    def client(self, cell, port):
        command = ["tstclnt", "-h", "127.0.0.1", "-p", str(port), "-a", "server.test", "-u", "-f",
                   "-4", *self.options(cell)]
        if cell.what == "mtls":
            command += ["-n", "client"]
        if cell.what == "alpn":
            raise Missing("tstclnt has no option for ALPN")
        if cell.what == "resumed":
            command += ["-L", "2", "-A", WORK + "/request"]
        return command

    def resumed(self, printed):
        return None


class Curl(Peer):
    name = "curl"

    def version(self):
        return output("curl", "--version")[0].split()[1]

    def server(self, cell, port):
        raise Missing("curl is only a client")

    def client(self, cell, port):
        if cell.what == "psk":
            raise Missing("curl has no pre-shared keys")
        if cell.what == "resumed" and cell.version == "1.2":
            raise Missing("curl asks for no tickets in TLS 1.2, and servers of ktls keep no sessions")
        command = ["curl", "-s", "-S", "--cacert", pem("ca"), "--http1.1", "--resolve",
                   f"server.test:{port}:127.0.0.1", "--tls-max", cell.version, "--tlsv" + cell.version]
        if cell.what == "mtls":
            command += ["--cert", pem("client"), "--key", key("client")]
        return command + [f"https://server.test:{port}/"] * (2 if cell.what == "resumed" else 1)

    def resumed(self, printed):
        return None


class Nginx(Peer):
    """The server, and as a proxy also a client: curl asks it, without TLS."""
    name = "nginx"

    def version(self):
        return output("nginx", "-v")[0].split("/")[-1].split()[0]

    def check(self, cell):
        super().check(cell)
        if cell.what == "psk":
            raise Missing("nginx has no pre-shared keys")

    def configure(self, port, server):
        """The arguments that start it with this block."""
        directory = f"{WORK}/nginx-{port}"
        os.makedirs(directory)
        with open(directory + "/conf", "w", encoding="ascii") as file:
            file.write(f"""
                daemon off; pid {directory}/pid; error_log stderr info; user root;
                events {{ }}
                http {{ access_log off; server {{ {server} }} }}""")
        return ["nginx", "-c", directory + "/conf", "-e", "stderr"]

    def server(self, cell, port):
        mutual = ""
        if cell.what == "mtls":
            mutual = f"ssl_verify_client on; ssl_client_certificate {pem('ca')};"
        return self.configure(port, f"""
            listen 127.0.0.1:{port} ssl; root {WORK}; index page; server_name server.test;
            ssl_certificate {pem(cell.key)}; ssl_certificate_key {key(cell.key)};
            ssl_protocols TLSv{cell.version}; ssl_session_cache shared:x:1m; {mutual}""")

    def client(self, cell, port):
        if cell.what == "alpn":
            raise Missing("nginx offers its upstreams no ALPN")
        own = ""
        if cell.what == "mtls":
            own = (f"proxy_ssl_certificate {pem('client')}; "
                   f"proxy_ssl_certificate_key {key('client')};")
        proxy = f"{WORK}/proxy-{port}"
        command = " ".join(self.configure(port, f"""
            listen unix:{proxy};
            location / {{
              proxy_pass https://127.0.0.1:{port}; proxy_ssl_protocols TLSv{cell.version};
              proxy_ssl_verify on; proxy_ssl_trusted_certificate {pem('ca')};
              proxy_ssl_name server.test; proxy_ssl_server_name on; {own}
            }}"""))
        count = 2 if cell.what == "resumed" else 1
        asks = f"curl -s -S --unix-socket {proxy} http://x/; " * count
        return ["sh", "-c", f"{command} & until [ -S {proxy} ]; do sleep 0.1; done; {asks} kill $!; wait"]

    def resumed(self, printed):
        return None


class OwnProgram(Peer):
    """peer.go, peer.rs and pypeer.py take the same options."""
    program = ""

    def command(self, cell, role, port):
        if cell.what == "psk":
            raise Missing(f"{self.title} has no external pre-shared keys")
        command = [self.program, role, f"127.0.0.1:{port}", "-version", cell.version,
                   "-ca", pem("ca")]
        return command + (["-alpn", ALPN] if cell.what == "alpn" else [])

    def server(self, cell, port):
        command = self.command(cell, "server", port)
        command += ["-cert", pem(cell.key), "-key", key(cell.key), "-page", PAGE]
        return command + (["-mutual"] if cell.what == "mtls" else [])

    def client(self, cell, port):
        command = self.command(cell, "client", port)
        if cell.what == "mtls":
            command += ["-cert", pem("client"), "-key", key("client")]
        return command + (["-count", "2"] if cell.what == "resumed" else [])


class Python(OwnProgram):
    name = "python"
    title = "Python's ssl"
    program = os.path.join(os.path.dirname(os.path.realpath(__file__)), "pypeer.py")

    def version(self):
        return output("python3", "--version")[0].split()[1]


class Go(OwnProgram):
    name = "go"
    title = "crypto/tls"

    def version(self):
        return output("go", "version")[0].split()[2]


class Rustls(OwnProgram):
    name = "rustls"
    title = "rustls"

    def version(self):
        return output("dpkg-query", "-W", "-f", "${source:Upstream-Version}", "librust-rustls-dev")[0]

    def resumed(self, printed):
        return None


PEERS = [OpenSSL, GnuTLS, NSS, Curl, Nginx, Python, Go, Rustls]
