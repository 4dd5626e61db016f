#!/usr/bin/python3
"""Attacks on real sockets: nuthatchd in a network namespace of its own, with scripted authorities beside it.

    sockets.py [--full] [--threads N] [--list] NAME…

Prints a line a figure as the program `attacks` does. NUTHATCHD names the server's binary. Exit code 0: every figure is
within its bound; 77: no namespace can be made here.
"""

import os
import pathlib
import random
import resource
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
ROOT_SERVER, ZONE_SERVER = "192.0.2.1", "192.0.2.2"
CLIENT = ("192.0.2.53", 53)
BYSTANDER = "192.0.2.77"  # who has nothing to do with the attack, and so an address of his own
CONFIG = """
server:
  listen: ["192.0.2.53@53"]
  threads: {threads}
  tcp-clients: 4000
access:
  allow: ["192.0.2.0/24"]
work:
  size: 32m
resolver:
  root-hints: {hints}
dnssec:
  validate: false
log:
  level: notice
"""


class Report:
    def __init__(self, attack):
        self.attack, self.failed = attack, 0

    def line(self, what, sign, bound, figure, fine):
        print(f"{self.attack:14}  {what:52}  {figure:12.6g}  {f'{sign} {bound:g}':12}  {'ok' if fine else 'FAIL'}")
        sys.stdout.flush()
        self.failed += not fine

    def at_most(self, what, figure, bound):
        self.line(what, "<=", bound, figure, figure <= bound)

    def at_least(self, what, figure, bound):
        self.line(what, ">=", bound, figure, figure >= bound)


# ---- Messages ----------------------------------------------------------------------------------------------------


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def query(name, rdtype=1, ident=None):
    ident = random.randrange(65536) if ident is None else ident
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + wire(name) + struct.pack("!2H", rdtype, 1)


def question(message):
    """The octets of the question, its name in lower case, its type."""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]])
        at += 1 + message[at]
    rdtype = struct.unpack_from("!H", message, at + 1)[0]
    return message[12:at + 5], b".".join(labels).lower().decode(), rdtype


def record(owner, rdtype, ttl, rdata):
    return owner + struct.pack("!2HIH", rdtype, 1, ttl, len(rdata)) + rdata


def reply(message, flags, sections):
    asked = question(message)[0]
    counts = [len(s) for s in sections]
    head = message[:2] + struct.pack("!5H", 0x8000 | flags, 1, *counts)
    return head + asked + b"".join(r for s in sections for r in s)


def refer(message):
    """The root: zones under test. are the zone server's."""
    name = question(message)[1]
    if name == "" and question(message)[2] == 2:
        return reply(message, 0x0400, [[record(b"\0", 2, 86400, wire("a.root-servers.net"))], [],
                                       [record(wire("a.root-servers.net"), 1, 86400, socket.inet_aton(ROOT_SERVER))]])
    zone = "attack" if name.endswith("attack") else ""
    if not zone:
        return reply(message, 0x0403, [[], [record(b"\0", 6, 60, b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, 60))], []])
    return reply(message, 0, [[], [record(wire(zone), 2, 86400, wire("ns.attack"))],
                              [record(wire("ns.attack"), 1, 86400, socket.inet_aton(ZONE_SERVER))]])


def answer(message):
    _, name, rdtype = question(message)
    if rdtype == 1:
        return reply(message, 0x0400, [[record(b"\xc0\x0c", 1, 300, socket.inet_aton("192.0.2.80"))], [], []])
    soa = record(wire("attack"), 6, 60, b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, 60))
    return reply(message, 0x0400, [[], [soa], []])


class Authority(threading.Thread):
    """Answers over UDP; keeps port and id of each message of the server."""

    def __init__(self, address, serve):
        super().__init__(daemon=True)
        self.serve, self.seen, self.over = serve, [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((address, 53))
        self.socket.settimeout(0.2)

    def run(self):
        while not self.over:
            try:
                message, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.seen.append((peer[1], struct.unpack_from("!H", message)[0]))
            out = self.serve(message)
            if out:
                self.socket.sendto(out, peer)


def flood(names, window=64):
    """Asks each name once, `window` at a time; how many were answered."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(CLIENT)
    s.settimeout(5)
    waiting = answered = 0
    for name in names:
        s.send(query(name))
        waiting += 1
        while waiting >= window:
            s.recv(4096)
            waiting, answered = waiting - 1, answered + 1
    while waiting:
        s.recv(4096)
        waiting, answered = waiting - 1, answered + 1
    s.close()
    return answered


def ask(name, timeout=5):
    """The answer's rcode, or None."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((BYSTANDER, 0))
    s.settimeout(timeout)
    s.sendto(query(name), CLIENT)
    try:
        return s.recv(4096)[3] & 15
    except TimeoutError:
        return None
    finally:
        s.close()


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().split("\n"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


# ---- Weak randomness -----------------------------------------------------------------------------------------------


def chi_square_excess(values, buckets, least, most):
    """How many standard deviations chi-square of the values lies above that of a flat distribution."""
    counts = [0] * buckets
    for v in values:
        counts[(v - least) * buckets // (most + 1 - least)] += 1
    expected = len(values) / buckets
    chi = sum((c - expected) ** 2 / expected for c in counts)
    k = buckets - 1
    # Wilson and Hilferty: the cube root of chi-square over its degrees is nearly normal.
    return ((chi / k) ** (1 / 3) - (1 - 2 / (9 * k))) / (2 / (9 * k)) ** 0.5


def guesses(values, modulus):
    """Hits of the best of several guessers, each of which knows all values before the one it guesses."""
    best = 0
    for guess in (lambda a, b: b, lambda a, b: (b + 1) % modulus, lambda a, b: (b - 1) % modulus,
                  lambda a, b: (2 * b - a) % modulus, lambda a, b: a, lambda a, b: (a + b) // 2,
                  lambda a, b: (a ^ b) % modulus, lambda a, b: (b * 5 + 1) % modulus):
        hits = sum(guess(values[i - 2], values[i - 1]) == values[i] for i in range(2, len(values)))
        best = max(best, hits)
    return best


def weak_randomness(report, lab):
    count = 10000
    flood((f"r{i}.attack" for i in range(count)))
    seen = lab.zone.seen[-count:]
    ports, ids = [p for p, _ in seen], [i for _, i in seen]
    least, most = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    report.at_least("messages seen", len(seen), count)
    # By chance 2^-14 and 2^-16 a guess: so many hits of the best of 8 guessers come up once in 10^6 runs.
    report.at_most("ports guessed", guesses(ports, 65536), 9)
    report.at_most("ids guessed", guesses(ids, 65536), 7)
    report.at_most("ports: chi-square above flat, sigma", chi_square_excess(ports, 64, least, most), 4.75)
    report.at_most("ids: chi-square above flat, sigma", chi_square_excess(ids, 64, 0, 65535), 4.75)
    report.at_most("ids, low octet: chi-square above flat, sigma",
                   chi_square_excess([i & 255 for i in ids], 64, 0, 255), 4.75)
    report.at_least("part of the port range in use", (max(ports) - min(ports)) / (most - least), 0.99)
    report.at_least("different ports of those expected",
                    len(set(ports)) / ((most - least) / 2 * (1 - (1 - 2 / (most - least)) ** len(ports))), 0.95)


# ---- Forged from elsewhere --------------------------------------------------------------------------------------------


def forged_source(report, lab):
    """The right id and question from the wrong port, and from the wrong address, before the true reply."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind((ZONE_SERVER, 0))
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((ROOT_SERVER, 0))
    forged = [0]

    def serve(message):
        peer = ("192.0.2.53", lab.zone.seen[-1][0])
        bad = reply(message, 0x0400, [[record(b"\xc0\x0c", 1, 300, b"\6\6\6\6")], [], []])
        for s in (port, other):
            for to in ("192.0.2.53", "192.0.2.1", "127.0.0.1"):
                try:
                    s.sendto(bad, (to, peer[1]))
                    forged[0] += 1
                except OSError:
                    pass
        time.sleep(0.001)
        return answer(message)

    lab.zone.serve, before = serve, lab.zone.serve
    believed = wrong = 0
    count = 500 if lab.full else 100
    for i in range(count):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(5)
        s.sendto(query(f"f{i}.attack"), CLIENT)
        out = s.recv(4096)
        believed += b"\6\6\6\6" in out
        wrong += socket.inet_aton("192.0.2.80") not in out
        s.close()
    lab.zone.serve = before
    report.at_least("replies forged", forged[0], count)
    report.at_most("forged records answered", believed, 0)
    report.at_most("questions that the true server did not answer", wrong, 0)


# ---- Connections ---------------------------------------------------------------------------------------------------------


def connections(report, lab):
    """Clients that pipeline and never read, and connections that never say anything."""
    deaf_count, idle_count = (1000, 50000) if lab.full else (100, 500)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle_count = min(idle_count, hard - deaf_count - 200)
    before = resident(lab.daemon.process.pid)
    deaf, idle, burst = [], [], b""
    for i in range(200):
        q = query(f"deaf{i}.attack")
        burst += struct.pack("!H", len(q)) + q
    for i in range(deaf_count):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.setblocking(False)
        try:
            s.connect(CLIENT)
        except BlockingIOError:
            pass
        deaf.append(s)
    end, most, good, asked = time.monotonic() + (20 if lab.full else 2), 0, 0, 0
    while time.monotonic() < end:
        for s in select.select([], deaf, [], 0.05)[1]:
            try:
                s.send(burst)
            except OSError:
                deaf.remove(s)
        while len(idle) < idle_count and time.monotonic() < end:
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.setblocking(False)
            try:
                s.connect(CLIENT)
            except OSError:
                pass
            idle.append(s)
            if len(idle) % 200 == 0:
                break
        good += ask(f"other{asked}.attack", 2) == 0
        asked += 1
        most = max(most, resident(lab.daemon.process.pid))
    report.at_least("connections that never read", deaf_count, deaf_count)
    report.at_least("connections that say nothing", len(idle), min(idle_count, 400))
    report.at_most("octets grown, of work.size and 5 % and 32 MiB", (most - before) / ((32 << 20) * 1.05 + (32 << 20)), 1)
    report.at_least("% of others answered", 100 * good / asked, 99.9)
    for s in deaf + idle:
        s.close()


# ---- Memory -------------------------------------------------------------------------------------------------------------


def memory(report, lab):
    """Answers of every size for as long as they fill the cache several times over."""
    padding = bytes([200]) + b"x" * 200

    def serve(message):
        _, name, rdtype = question(message)
        count = 1 + hash(name) % 5
        return reply(message, 0x0400, [[record(b"\xc0\x0c", 16, 300, padding[:-2] + struct.pack("!H", i))
                                        for i in range(count)], [], []])

    lab.zone.serve, before = serve, lab.zone.serve
    most, total, size = 0, 0, 8 << 20
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(CLIENT)
    s.settimeout(5)
    end = time.monotonic() + (300 if lab.full else 3)
    while time.monotonic() < end:
        for _ in range(64):
            s.send(query(f"m{total}.attack", 16))
            total += 1
        for _ in range(64):
            s.recv(4096)
        if total % 1024 == 0:
            most = max(most, resident(lab.daemon.process.pid))
    s.close()
    lab.zone.serve = before
    report.at_least("answers", total, 5000)
    report.at_most("octets resident, of cache, work, 5 % and 32 MiB", most / ((size + (32 << 20)) * 1.05 + (32 << 20)), 1)


# ---- The whole ------------------------------------------------------------------------------------------------------------

ATTACKS = {
    "socket_random": ("READY", "guessing ports and ids of the next query", weak_randomness, ""),
    "socket_forged": ("READY", "replies from another port or address", forged_source, ""),
    "socket_tcp": ("READY", "clients that never read, connections that say nothing", connections, ""),
    "socket_memory": ("READY", "answers of every size on real sockets", memory, "cache:\n  size: 8m\n"),
}


class Lab:
    def __init__(self, full):
        self.full = full
        self.root, self.zone = Authority(ROOT_SERVER, refer), Authority(ZONE_SERVER, answer)
        self.daemon = None


def inside(name, full, threads):
    """Within the namespace: addresses, authorities, the server, the attack."""
    from daemon import Daemon, Prefix
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (ROOT_SERVER, ZONE_SERVER, CLIENT[0], BYSTANDER):
        subprocess.run(["ip", "addr", "add", address + "/32", "dev", "lo"], check=True)
    _, _, run, more = ATTACKS[name]
    lab, report = Lab(full), Report(name)
    with tempfile.TemporaryDirectory() as folder:
        hints = pathlib.Path(folder) / "hints"
        hints.write_text(f". 3600000 NS a.root-servers.net.\na.root-servers.net. 3600000 A {ROOT_SERVER}\n")
        lab.root.start()
        lab.zone.start()
        with Daemon(folder, CONFIG.format(threads=threads, hints=hints) + more, Prefix([])) as daemon:
            lab.daemon = daemon
            ask("first.attack")
            run(report, lab)
            daemon.must_run()
            report.at_most("exit code of the server", abs(daemon.stop(60)), 0)
        lab.root.over = lab.zone.over = True
    return 1 if report.failed else 0


def main():
    arguments, threads, full = [], 1, False
    words = iter(sys.argv[1:])
    for word in words:
        if word == "--list":
            for name, (state, text, _, _) in ATTACKS.items():
                print(name, state, text, sep="\t")
            return 0
        if word == "--threads":
            threads = int(next(words))
        elif word == "--full":
            full = True
        else:
            arguments.append(word)
    if arguments[:1] == ["--inside"]:
        return inside(arguments[1], full, threads)
    if subprocess.run(["unshare", "-Urn", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return 77
    worst = 0
    for name in arguments or ATTACKS:
        if name not in ATTACKS:
            print(f"sockets.py: there is no '{name}'; --list names them", file=sys.stderr)
            return 2
        command = ["unshare", "-Urn", sys.executable, __file__, "--threads", str(threads), *(["--full"] if full else []),
                   "--inside", name]
        worst = max(worst, subprocess.run(command, timeout=900, check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
