# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs: how each is started behind ktls-run, and what it is to transfer.

A Row's run() returns Traffic: in words, the bytes that sockets of ktls sent and received,
and how many handshakes they did. Where both ends are behind ktls-run, all bytes count twice:
as sent and as received.
"""

import collections
import filecmp
import glob
import os
import subprocess
import sys

from process import Process, listening

BUILD = sys.argv[1]
WORK = "/tmp/programs"
DATA = WORK + "/data"
LINE = "ktls-plaintext-marker-4711"
SIZE = 1 << 20
MIB = "1 MiB"
KTLS_RUN = WORK + "/ktls-run"		# where any user gets at it
GO = BUILD + "/programs/plain"

Traffic = collections.namedtuple("Traffic", "what sent received handshakes")
started = []


def pki(name):
    return f"{BUILD}/selftests/pki/{name}"


# --- processes -----------------------------------------------------------------

def start(*command):
    process = Process(command, WORK)
    started.append(process)
    return process


def serve(port, rules, *command, user=None):
    """A server behind ktls-run; returns when it listens."""
    become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
    server = start(*become, KTLS_RUN, *rules.split(), "--", *command)
    server.wait_for(lambda: server.process.poll() is not None or bound(port))
    assert server.process.poll() is None, f"{command[0]} has ended: {server.printed()}"
    return server


def bound(port):
    """Without a connection, which would count."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in file.readlines()[1:])


def trust(ports):
    return f"--connect {ports} --trust {pki('ca.pem')} --server-name server.test"


def finish(*command, feed=None, out=None):
    """Runs to its end. Return: what it printed."""
    done = subprocess.run(command, stdin=open(feed, "rb") if feed else subprocess.DEVNULL,
                          stdout=open(out, "wb") if out else subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False, cwd=WORK)
    text = (done.stdout or b"") + done.stderr
    assert done.returncode == 0, f"{command}: {done.returncode}: {text.decode()[-500:]}"
    return (done.stdout or b"").decode()


def client(ports, *command, **kwargs):
    return finish(KTLS_RUN, *trust(ports).split(), "--", *command, **kwargs)


def curl(*arguments):
    return finish("curl", "-sS", "--fail", "--cacert", pki("ca.pem"), *arguments)


def stop_all():
    while started:
        started.pop().stop()


def show_all():
    for process in started:
        for line in process.printed()[-2000:].splitlines():
            print(f"# {process.process.args[0].rsplit('/', 1)[-1]}: {line[:300]}")


def same(path, size=None):
    """Is the file at @path the data, or their first @size bytes?"""
    if size is None:
        assert filecmp.cmp(DATA, path, shallow=False), f"{path} is not what was sent"
        return
    with open(path, "rb") as file, open(DATA, "rb") as data:
        assert file.read() == data.read(size), f"{path} is not what was sent"


def write(name, text):
    with open(f"{WORK}/{name}", "w", encoding="ascii") as file:
        file.write(text)
    return f"{WORK}/{name}"


def size():
    return os.path.getsize(DATA)


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    return done.stdout


# --- redis ------------------------------------------------------------------------

def redis(port, rules, *arguments):
    return serve(port, rules, "redis-server", "--port", str(port), "--bind", "127.0.0.1",
                 "--save", "", "--dir", WORK, "--rdbcompression", "no",
                 "--repl-diskless-sync-delay", "0", *arguments)


def redis_cli(port, *command, **kwargs):
    return client("6379-6380", "redis-cli", "-p", str(port), *command, **kwargs)


def redis_put():
    redis(6379, "--identity www --listen 6379")
    assert "OK" in redis_cli(6379, "-x", "set", "key", feed=DATA)


def redis_get(port):
    redis_cli(port, "--raw", "get", "key", out=WORK + "/back")
    with open(WORK + "/back", "rb+") as file:
        file.truncate(size())		# redis-cli adds a newline
    same(WORK + "/back")


def run_redis():
    redis_put()
    redis_get(6379)
    return Traffic(f"{MIB} set and got", 2 * size(), 2 * size(), 4)


def run_redis_replica():
    redis_put()
    replica = redis(6380, "--identity www --listen 6380 " + trust(6379), "--replicaof",
                    "127.0.0.1", "6379")
    replica.wait_for(lambda: "Finished with success" in replica.printed())
    redis_get(6380)
    return Traffic(f"{MIB} set, replicated and got", 3 * size(), 3 * size(), 6)


def run_s_client():
    redis_put()
    write("get", "get key\r\nquit\r\n")
    finish("openssl", "s_client", "-quiet", "-connect", "127.0.0.1:6379", "-CAfile",
           pki("ca.pem"), "-verify_return_error", "-servername", "server.test",
           feed=WORK + "/get", out=WORK + "/back")
    with open(WORK + "/back", "rb") as file, open(DATA, "rb") as data:
        assert data.read() in file.read(), "s_client got something else"
    return Traffic(f"{MIB} set, got by openssl s_client", 2 * size(), size(), 3)


# --- postgresql -----------------------------------------------------------------

def postgres_program(name):
    return sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))[-1]


def run_postgresql():
    finish("tar", "-xf", BUILD + "/programs/postgresql.tar", "-C", WORK)
    serve(5432, "--identity postgresql --listen 5432", postgres_program("postgres"), "-D",
          WORK + "/postgresql", "-c", "listen_addresses=127.0.0.1", "-c",
          f"unix_socket_directories={WORK}/postgresql", user="postgres")
    psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
    os.environ["PGSSLMODE"] = "disable"
    client(5432, *psql, "-c", "create table lines (line text)", "-c",
           f"\\copy lines from '{DATA}'")
    client(5432, *psql, "-c", f"\\copy lines to '{WORK}/back'")
    same(WORK + "/back")
    return Traffic(f"a table of {MIB} copied in and out", 2 * size(), 2 * size(), 4)


# --- web servers and proxies --------------------------------------------------------

def nginx_conf(servers, rest=""):
    return write("nginx.conf", "user nobody nogroup; worker_processes 2; daemon off; "
                 f"pid {WORK}/nginx.pid; error_log stderr; events {{}} "
                 f"http {{ access_log off; sendfile on; root {WORK}; {rest} {servers} }}")


def fetch(url, count, first=0):
    """@count connections at once"""
    wanted = []
    for i in range(first, first + count):
        wanted += ["-o", f"{WORK}/back{i}", url]
    curl("--parallel", "--parallel-immediate", "--no-keepalive", "--resolve",
         "server.test:8443:127.0.0.1", *wanted)
    for i in range(first, first + count):
        same(f"{WORK}/back{i}")


def run_nginx():
    conf = nginx_conf("server { listen 127.0.0.1:8443 reuseport; }")
    server = serve(8443, "--identity www --listen 8443", "/usr/sbin/nginx", "-c", conf)
    fetch("https://server.test:8443/data", 4)
    with open(WORK + "/nginx.pid", encoding="ascii") as file:
        pid = file.read().strip()

    def workers():
        return set(output("pgrep", "-P", pid).split())

    old = workers()
    finish("kill", "-HUP", pid)
    server.wait_for(lambda: workers() and not workers() & old)
    fetch("https://server.test:8443/data", 4)
    return Traffic(f"{MIB}, 8 times with sendfile, a reload", 8 * size(), 0, 8)


def run_nginx_proxy():
    conf = nginx_conf("server { listen 127.0.0.1:8443; location / "
                      "{ proxy_pass http://127.0.0.1:8444; } } "
                      "server { listen 127.0.0.1:8444; }", f"proxy_temp_path {WORK}/temp;")
    serve(8444, f"--identity www --listen 8443-8444 {trust(8444)}", "/usr/sbin/nginx", "-c",
          conf)
    fetch("https://server.test:8443/data", 4)
    return Traffic(f"{MIB}, 4 times, from TLS to TLS", 8 * size(), 4 * size(), 12)


def run_haproxy():
    conf = nginx_conf("server { listen 127.0.0.1:8444; }")
    serve(8444, "--identity www --listen 8444", "/usr/sbin/nginx", "-c", conf)
    conf = write("haproxy.conf", "global\n nbthread 2\n"
                 "defaults\n mode http\n timeout connect 30s\n timeout client 30s\n"
                 " timeout server 30s\n option splice-auto\n"
                 "frontend f\n bind 127.0.0.1:8443\n default_backend b\n"
                 "backend b\n server s 127.0.0.1:8444\n")
    serve(8443, f"--identity www --listen 8443 {trust(8444)}", "haproxy", "-db", "-f", conf)
    fetch("https://server.test:8443/data", 4)
    return Traffic(f"{MIB}, 4 times, from TLS to TLS", 8 * size(), 4 * size(), 9)


def run_python():
    serve(8443, "--identity www", "python3", "-m", "http.server", "--bind", "127.0.0.1",
          "--directory", WORK, "8443")
    fetch("https://server.test:8443/data", 2)
    client(8443, "python3", "-c", "import urllib.request as u; u.urlretrieve("
           f"'http://127.0.0.1:8443/data', '{WORK}/again')")
    same(WORK + "/again")
    return Traffic(f"{MIB}, 3 times, once to urllib", 3 * size(), size(), 4)


def run_go():
    serve(8443, "--identity www --listen 8443", GO, "serve", "127.0.0.1:8443", WORK)
    fetch("https://server.test:8443/data", 2)
    client(8443, GO, "fetch", "http://127.0.0.1:8443/data", WORK + "/go", "4")
    for i in range(4):
        same(f"{WORK}/go{i}")
    return Traffic(f"{MIB}, 6 times, 4 to itself", 6 * size(), 4 * size(), 10)


def run_s_server():
    server = start("openssl", "s_server", "-WWW", "-accept", "127.0.0.1:8443", "-cert",
                   pki("rsa.pem"), "-key", pki("rsa.key"))
    server.wait_for(lambda: listening(8443))
    for i in range(2):
        client(8443, "curl", "-sS", "-o", f"{WORK}/again{i}", "http://127.0.0.1:8443/data")
        same(f"{WORK}/again{i}")
    return Traffic(f"{MIB}, 2 times, curl asks for http", 0, 2 * size(), 2)


# --- others -----------------------------------------------------------------------

def run_memcached():
    half = size() // 2		# a value has less than a mebibyte
    with open(DATA, "rb") as data, open(WORK + "/half", "wb") as file:
        file.write(data.read(half))
    serve(11211, "--identity www --listen 11211", "memcached", "-u", "nobody", "-U", "0", "-l",
          "127.0.0.1", "-p", "11211")
    client(11211, "memccp", "--servers=127.0.0.1:11211", WORK + "/half")
    client(11211, "memccat", "--servers=127.0.0.1:11211", f"--file={WORK}/back", "half")
    same(WORK + "/back", half)
    return Traffic("512 KiB set and got", 2 * half, 2 * half, 4)


def run_rsync():
    os.makedirs(WORK + "/tree/deep", exist_ok=True)
    for i in range(4):
        with open(DATA, "rb") as data, open(f"{WORK}/tree/deep/{i}", "wb") as file:
            data.seek(i * size() // 4)
            file.write(data.read(size() // 4))
    conf = write("rsync.conf", "use chroot = no\nuid = root\ngid = root\n[tree]\n"
                 f"path = {WORK}/server\nread only = no\n")
    os.makedirs(WORK + "/server", exist_ok=True)
    serve(8730, "--identity www --listen 8730", "rsync", "--daemon", "--no-detach",
          f"--config={conf}", "--address=127.0.0.1", "--port=8730")
    url = "rsync://127.0.0.1:8730/tree/"
    client(8730, "rsync", "-a", WORK + "/tree/", url)
    client(8730, "rsync", "-a", url, WORK + "/returned/")
    finish("diff", "-r", WORK + "/tree", WORK + "/returned")
    total = 4 * (size() // 4)
    return Traffic(f"a tree of {MIB}, there and back", 2 * total, 2 * total, 4)


def run_socat():
    serve(9000, "--identity www --listen 9000", "socat", "TCP-LISTEN:9000,bind=127.0.0.1,fork",
          "EXEC:cat")
    client(9000, "socat", "-t", "30", "-", "TCP:127.0.0.1:9000", feed=DATA, out=WORK + "/back")
    same(WORK + "/back")
    return Traffic(f"{MIB} there and back", 2 * size(), 2 * size(), 2)


# --- the rows -----------------------------------------------------------------------

class Row(collections.namedtuple("Row", "name version_of how run")):
    def version(self):
        text = output(*self.version_of.split()) if self.version_of else ""
        numbers = (word.strip(",()").lstrip("v=").removeprefix("nginx/").removeprefix("go")
                   for word in text.split())
        return next((word for word in numbers if word[:1].isdigit() and "." in word), "?")


ROWS = [
    Row("redis, redis-cli", "redis-server --version", "both ends", run_redis),
    Row("redis, replica", "redis-server --version", "--listen and --connect", run_redis_replica),
    Row("redis, s_client", "openssl version", "the server", run_s_client),
    Row("postgresql, psql", "psql --version", "both ends, as postgres", run_postgresql),
    Row("haproxy, nginx", "haproxy -v", "--listen and --connect", run_haproxy),
    Row("memcached, memccp", "memcached --version", "both ends", run_memcached),
    Row("rsync, daemon", "rsync --version", "both ends", run_rsync),
    Row("socat, fork", "socat -V", "both ends", run_socat),
    Row("go, static", "go version", "both ends", run_go),
    Row("nginx, reuseport", "/usr/sbin/nginx -v", "the server", run_nginx),
    Row("nginx, proxy", "/usr/sbin/nginx -v", "--listen and --connect", run_nginx_proxy),
    Row("python, http.server", "python3 --version", "both ends", run_python),
    Row("openssl, s_server", "openssl version", "the client", run_s_server),
]
