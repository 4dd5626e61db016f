"""What goes wrong around a server: no descriptors, no roots, a family that leads nowhere, a bad file under load."""

import asyncio
import contextlib
import os
import pathlib
import socket
import subprocess
import time

import dns.message
import dns.rcode
import pytest

from daemon import Daemon, Namespace, Prefix
from test_workers import CONFIG, PATIENCE, Load, all_of, by_tcp, by_udp, check, warm_up

HERE = pathlib.Path(__file__).resolve().parent
THREADS = os.environ.get("NUTHATCH_THREADS", "1")
ROOT, SERVER = "192.0.2.1", "192.0.2.2"


def names(tag, count):
    return [f"{tag}{n}.wildcard.com" for n in range(count)]


@pytest.mark.parametrize("threads", [1, 2])
def test_with_64_descriptors_udp_is_whole_tcp_degrades_and_servers_are_asked(lab, tmp_path, threads):
    few = Prefix(["prlimit", "--nofile=64:64"])
    with Daemon(tmp_path, CONFIG.replace("threads: 2", f"threads: {threads}"), few) as daemon:
        warm_up(daemon, "warm")
        idle = []
        for _ in range(100):  # they say nothing, and take what TCP may have
            s = socket.socket()
            s.settimeout(5)
            with contextlib.suppress(OSError):
                s.connect(("127.0.0.1", 53))
            idle.append(s)
        cold = names("few", 400)  # twice as many at once as there are sockets for: each waits for one
        replies = asyncio.run(all_of([lambda n=n, i=i: by_udp(n, i, "127.0.0.1") for i, n in enumerate(cold)], 60))
        check(replies, cold)
        assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) <= 64
        # What is too long for UDP comes from servers over TCP.
        reply = asyncio.run(by_udp("many.large.net", 1, "127.0.0.1"))[0]
        assert dns.message.from_wire(reply).rcode() == dns.rcode.NOERROR
        # A connection that asks takes the place of one that is idle.
        reply = asyncio.run(by_tcp(names("tcp", 5), 0, "127.0.0.1"))
        check(reply, names("tcp", 5))
        for s in idle:
            s.close()
        figures = daemon.figures()
        assert figures["answers_servfail"] == 0 and figures["limit_sockets"] == 0, figures
        assert daemon.stop() == 0, daemon.log()


def test_a_bad_file_under_load_changes_nothing_and_loses_no_query(lab, tmp_path):
    where = f":{CONFIG.count(chr(10)) + 2}:9: cache.size"
    with Daemon(tmp_path, CONFIG, lab) as daemon:
        warm_up(daemon, "warm")
        with Load("bad") as load:
            for n in range(10):
                time.sleep(0.02)
                log = daemon.reload(CONFIG + f"cache:\n  size: {n}banana\n")
        assert log.count(" reload_failed ") == 10 and log.count(where) == 10, log
        assert load.count > 20 and not load.failed, load.failed[:3]
        assert daemon.figures()["cache_budget"] == 100 << 20
        assert daemon.stop() == 0


def test_ten_thousand_clients_of_one_cold_name_cost_the_messages_of_one(lab, tmp_path):
    """Over real sockets, in bursts that all come while the name is being resolved or just after."""
    with Daemon(tmp_path, CONFIG.replace("threads: 2", f"threads: {THREADS}"), lab) as daemon:
        before = warm_up(daemon, "warm")
        clients = []
        for n in range(10000):
            if n % 100 == 0:  # a hundred queries from each port
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                s.settimeout(PATIENCE)
                s.connect(("127.0.0.1", 53))
                clients.append(s)
        for n in range(100):
            for s in clients:
                query = dns.message.make_query("ten-thousand.wildcard.com", "A", id=n) if n == 0 or s is clients[0] else query
                query.id = n
                s.send(query.to_wire())
        got = set()
        for i, s in enumerate(clients):
            for _ in range(100):
                reply = s.recv(4096)
                assert reply[3] & 15 == 0
                got.add((i, reply[:2]))
        for s in clients:
            s.close()
        after = daemon.figures()
        assert len(got) == 10000, "each its own answer"
        lost = after["upstream_timeouts"] - before["upstream_timeouts"]
        assert 1 <= after["upstream_udp"] - before["upstream_udp"] <= 1 + lost
        assert after["queries"] - before["queries"] == 10000
        assert daemon.stop() == 0


# ---- In namespaces of their own ---------------------------------------------------------------------------------------


@pytest.fixture
def ns():
    with Namespace() as namespace:
        yield namespace


@contextlib.contextmanager
def authority(ns, *addresses):
    server = ns.popen(["/usr/bin/python3", HERE / "authority.py", *addresses], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "up\n"
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)
        server.stdout.close()


def config(tmp_path, threads=THREADS):
    hints = tmp_path / "hints"
    hints.write_text(f". 3600000 NS a.root.\na.root. 3600000 A {ROOT}\n")
    return f"server: {{listen: ['127.0.0.1@53'], threads: {threads}}}\nresolver: {{root-hints: {hints}}}\ndnssec: {{validate: false}}\n"


def dig(ns, name):
    """Status and milliseconds."""
    begin = time.monotonic()
    out = ns.run(["dig", "@127.0.0.1", "+tries=1", "+time=8", name, "A"]).stdout
    status = out.partition("status: ")[2].partition(",")[0]
    return status or "none", (time.monotonic() - begin) * 1000


def test_with_the_roots_unreachable_it_starts_at_once_and_finds_them_later(ns, tmp_path):
    begin = time.monotonic()
    with Daemon(tmp_path, config(tmp_path), ns) as daemon:
        assert time.monotonic() - begin < 1 * (PATIENCE / 10)
        assert dig(ns, "www.some.test2")[0] == "SERVFAIL"
        assert dig(ns, "localhost")[0] == "NOERROR", "local data is served meanwhile"
        for address in (ROOT, SERVER):
            assert ns.run(["ip", "addr", "add", address + "/32", "dev", "lo"]).returncode == 0
        with authority(ns, ROOT, SERVER):
            end = time.monotonic() + 35
            while dig(ns, "www.other.test2")[0] != "NOERROR":
                assert time.monotonic() < end, "the roots were not tried again within 30 s"
                time.sleep(1)
        assert daemon.stop() == 0


def test_a_family_that_leads_nowhere_fails_nobody(ns, tmp_path):
    """IPv6 packets go out and are never heard of again."""
    for address in (ROOT + "/32", SERVER + "/32", "2001:db8:f::2/128", "2001:db8:f::3/128"):
        assert ns.run(["ip", "addr", "add", address, "dev", "lo"]).returncode == 0
    for rule in ("add table inet t", "add chain inet t in { type filter hook input priority 0; }",
                 "add rule inet t in ip6 daddr 2001:db8:f::/48 counter drop"):
        assert ns.run(["nft", rule]).returncode == 0
    ruleset = ["nft", "list", "table", "inet", "t"]
    with authority(ns, ROOT, SERVER, "2001:db8:f::2", "2001:db8:f::3"):
        for _ in range(8):  # by chance a server may begin with IPv4 and stay with it
            with Daemon(tmp_path, config(tmp_path), ns) as daemon:
                seen = [dig(ns, f"www{n}.zone{n}") for n in range(12)]
                assert [status for status, _ in seen] == ["NOERROR"] * 12
                assert max(ms for _, ms in seen) < 1500 * (PATIENCE / 10), seen
                assert daemon.figures()["answers_servfail"] == 0
                assert daemon.stop() == 0
            if "packets 0 " not in ns.run(ruleset).stdout:
                return
    raise AssertionError("IPv6 was never tried")
