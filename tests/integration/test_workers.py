"""Two workers: what one thread does, two do as well, each question is resolved once, and nothing is lost between them."""

import asyncio
import os
import random
import signal
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from daemon import Daemon

CONFIG = """
server:
  listen: ["127.0.0.1@53", "::1@53"]
  threads: 2
log:
  level: notice
dnssec:
  trust-anchors: {anchor}
  aggressive: no  # each name is to be asked for, though a wildcard gives them all
""".format(anchor=os.environ["NUTHATCH_LAB_ANCHOR"])
WILD = "93.184.216.50"  # of every name below wildcard.com
PATIENCE = 10 * int(os.environ.get("NUTHATCH_PATIENCE", "1"))


@pytest.fixture
def two(lab, tmp_path):
    with Daemon(tmp_path, CONFIG, lab) as daemon:
        yield daemon
        daemon.must_run()
        check_end(daemon)


def check_end(daemon):
    assert daemon.stop() == 0, daemon.log()
    assert "ThreadSanitizer" not in daemon.log() and "MUST" not in daemon.log(), daemon.log()


def wire(name, ident, rdtype="A"):
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
    query.id = ident
    return query.to_wire()


class Once(asyncio.DatagramProtocol):
    """One datagram out, one back."""

    def __init__(self, sent, done):
        self.sent, self.done = sent, done

    def connection_made(self, transport):
        transport.sendto(self.sent)

    def datagram_received(self, data, address):
        if not self.done.done():
            self.done.set_result(data)


async def by_udp(name, ident, host, tries=1, rdtype="A"):
    loop = asyncio.get_running_loop()
    for left in range(tries, 0, -1):
        done = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda d=done: Once(wire(name, ident, rdtype), d), remote_addr=(host, 53))
        try:
            return [await asyncio.wait_for(done, PATIENCE)]
        except TimeoutError:
            if left == 1:
                raise
        finally:
            transport.close()


async def by_tcp(names, ident, host):
    """All of them pipelined on one connection."""
    reader, writer = await asyncio.open_connection(host, 53)
    for n, name in enumerate(names):
        message = wire(name, ident + n)
        writer.write(struct.pack("!H", len(message)) + message)
    replies = []
    for _ in names:
        size = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), PATIENCE))[0]
        replies.append(await asyncio.wait_for(reader.readexactly(size), PATIENCE))
    writer.close()
    return replies


async def all_of(makers, at_once):
    """Runs the coroutines, so many at a time; returns all replies."""
    gate = asyncio.Semaphore(at_once)

    async def one(make):
        async with gate:
            return await make()
    return [reply for replies in await asyncio.gather(*map(one, makers)) for reply in replies]


def ask_all(names, at_once=64):
    """Every name once: half over UDP, each from a port of its own, half over TCP, ten to a connection."""
    half = len(names) // 2
    makers = [lambda n=n, i=i: by_udp(n, i, ("127.0.0.1", "::1")[i % 2]) for i, n in enumerate(names[:half])]
    makers += [lambda i=i: by_tcp(names[i:i + 10], i, ("127.0.0.1", "::1")[i // 10 % 2])
               for i in range(half, len(names), 10)]
    random.Random(1).shuffle(makers)
    return asyncio.run(all_of(makers, at_once))


def check(replies, names):
    """Each name was answered, with its own id, as often as it was asked."""
    got = []
    for reply in replies:
        message = dns.message.from_wire(reply)
        assert message.rcode() == dns.rcode.NOERROR, message.to_text()
        assert [r.address for r in message.answer[0]] == [WILD]
        got.append((message.question[0].name.to_text(omit_final_dot=True), message.id))
    assert sorted(got) == sorted((name, n) for n, name in enumerate(names))


def warm_up(daemon, tag):
    """Until the way to wildcard.com is known, so that a further name costs one message."""
    ask_all([f"{tag}-{n}.wildcard.com" for n in range(20)])
    return daemon.figures()


def test_each_of_200_questions_asked_ten_times_costs_one_message(two):
    before = warm_up(two, "warm")
    assert before["threads"] == 2
    names = [f"n{n % 200}.wildcard.com" for n in range(2000)]
    random.Random(2).shuffle(names)
    check(ask_all(names), names)
    after = two.figures()
    assert after["queries"] - before["queries"] == 2000
    assert after["queries_tcp"] - before["queries_tcp"] == 1000
    sent = sum(after[c] - before[c] for c in ("upstream_udp", "upstream_tcp"))
    lost = after["upstream_timeouts"] - before["upstream_timeouts"]
    assert 200 <= sent <= 200 + lost, after
    assert after["lookups"] - before["lookups"] <= 2000
    assert after["handed_over"] > before["handed_over"]
    assert after["handed_refused"] == 0
    assert after["queries_least_worker"] > 200, "one worker has got nearly all of the clients"
    assert after["lookups_under_way"] == after["net_pending"] == 0


def test_many_clients_of_one_cold_name_are_one_lookup(two):
    before = warm_up(two, "warm")
    names = ["cold.wildcard.com"] * 400
    check(ask_all(names, at_once=200), names)
    after = two.figures()
    lost = after["upstream_timeouts"] - before["upstream_timeouts"]
    assert 1 <= after["upstream_udp"] - before["upstream_udp"] <= 1 + lost


def test_an_answer_of_every_size_comes_back_from_the_other_worker(two):
    """UDP answers of any length, and TCP answers longer than a hand-over has room for."""
    async def ask(name, rdtype, host):
        reader, writer = await asyncio.open_connection(host, 53)
        message = dns.message.make_query(name, rdtype).to_wire()
        writer.write(struct.pack("!H", len(message)) + message)
        size = struct.unpack("!H", await reader.readexactly(2))[0]
        reply = dns.message.from_wire(await reader.readexactly(size))
        writer.close()
        return reply

    for host in ("127.0.0.1", "::1"):
        for turn in range(4):  # the kernel chooses the worker by the client's port
            reply = asyncio.run(ask("many.large.net", "A", host))
            assert reply.rcode() == dns.rcode.NOERROR and len(reply.to_wire()) > 1232
            del turn
    assert two.figures()["answers_servfail"] == 0


class Slow(threading.Thread):
    """A server of one long answer, silent until everybody has had the time to ask for it."""

    def __init__(self, address):
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.over = False

    def run(self):
        first = None
        while True:
            data, peer = self.socket.recvfrom(4096)
            if self.over:
                return
            first = first or time.monotonic()
            if time.monotonic() < first + 1:
                continue
            query = dns.message.from_wire(data)
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            reply.answer = [dns.rrset.from_text(query.question[0].name, 3600, "IN", "TXT", " ".join(["x" * 250] * 4))]
            self.socket.sendto(reply.to_wire(), peer)

    def close(self):
        self.over = True
        self.socket.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()


def test_a_long_answer_for_ever_so_many_clients_reaches_all_of_them(lab, tmp_path):
    """It may be more than its owner can lend at once: the other worker answers the rest from the cache."""
    config = CONFIG.partition("dnssec:")[0] + "dnssec:\n  validate: no\nwork:\n  size: 2m\n"
    config += "stub-zones: [{name: slow.test, addresses: [203.0.113.80]}]\n"
    slow = Slow("203.0.113.80")
    slow.start()
    try:
        with Daemon(tmp_path, config, lab) as daemon:
            replies = asyncio.run(all_of(
                [lambda i=i: by_udp("long.slow.test", i, ("127.0.0.1", "::1")[i % 2], rdtype="TXT") for i in range(600)], 600))
            for reply in replies:
                message = dns.message.from_wire(reply)
                assert message.rcode() == dns.rcode.NOERROR and len(reply) > 1000, message.to_text()
            figures = daemon.figures()
            assert figures["queries"] == 600 and figures["answers_servfail"] == 0, figures
            assert figures["upstream_udp"] - figures["upstream_timeouts"] == 1, figures
            assert figures["handed_refused"] < figures["handed_over"], figures
            check_end(daemon)
    finally:
        slow.close()


class Load:
    """Asks for new names, one after another from new ports, in a thread of its own until it is stopped."""

    def __init__(self, tag, tries=1):
        self.tag, self.tries, self.count, self.failed, self.ended = tag, tries, 0, [], False
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    async def run(self):
        await asyncio.gather(*(self.one(n) for n in range(8)))

    async def one(self, number):
        while not self.ended:
            self.count += 1
            name = f"{self.tag}-{number}-{self.count}.wildcard.com"
            try:
                if self.count % 3 == 0:
                    replies = await by_tcp([name], 1, "127.0.0.1")
                else:
                    replies = await by_udp(name, 1, "127.0.0.1", self.tries)
                message = dns.message.from_wire(replies[0])
                if message.rcode() != dns.rcode.NOERROR:
                    self.failed.append(message.to_text())
            except (OSError, TimeoutError, EOFError) as e:
                self.failed.append(repr(e))
                if self.ended:
                    return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ended = True
        self.thread.join()


def test_reloads_under_load_lose_no_query(two):
    warm_up(two, "warm")
    with Load("reload") as load:
        for n in range(20):
            two.reload(CONFIG + f"cache: {{size: {20 + n}m}}\n")
    assert load.count > 50 and not load.failed, load.failed[:3]
    figures = two.figures()
    assert figures["cache_budget"] == 39 << 20
    assert figures["work_limit"] == 128 << 20


def test_figures_asked_for_many_times_under_load_add_up(two):
    warm_up(two, "warm")
    with Load("figures") as load:
        seen = [two.figures()["queries"] for _ in range(20)]
    assert seen == sorted(seen) and not load.failed
    assert two.figures()["queries"] == 20 + load.count


def test_sigterm_under_load_ends_with_0(lab, tmp_path):
    for turn in range(3):
        folder = tmp_path / str(turn)
        folder.mkdir()
        with Daemon(folder, CONFIG, lab) as daemon:
            warm_up(daemon, "warm")
            with Load("stop") as load:
                time.sleep(0.3)
                begin = time.monotonic()
                daemon.signal(signal.SIGTERM)
                load.ended = True
                assert daemon.process.wait(timeout=15) == 0, daemon.log()
            assert time.monotonic() - begin < PATIENCE + 5
            assert "ThreadSanitizer" not in daemon.log(), daemon.log()
            assert " stopped " in daemon.log()


def test_a_query_under_way_at_the_other_worker_is_answered_when_it_ends(two):
    """slow.alldead.com waits for servers that never answer; whichever worker has it, the end answers it."""
    async def ask(n):
        return await by_udp(f"slow{n}.alldead.com", n, "127.0.0.1")

    async def all_and_stop():
        asked = [asyncio.ensure_future(ask(n)) for n in range(12)]
        await asyncio.sleep(0.5)
        assert (await asyncio.to_thread(two.figures))["lookups_under_way"] >= 12
        two.signal(signal.SIGTERM)
        return await asyncio.gather(*asked)

    replies = asyncio.run(all_and_stop())
    assert [dns.message.from_wire(r[0]).rcode() for r in replies] == [dns.rcode.SERVFAIL] * 12
    assert two.process.wait(timeout=15) == 0
    two.start()  # for the end of the fixture


def test_whoever_asks_while_the_server_ends_is_answered(two):
    """One worker waits a second for a dead server: until then both answer, from the cache or with SERVFAIL."""
    async def ask(name, n):
        return dns.message.from_wire((await by_udp(name, n, "127.0.0.1"))[0]).rcode()

    async def end():
        for n in range(4):  # the answer cache has it then
            await ask("www.wildcard.com", n)
        slow = asyncio.ensure_future(ask("slow.alldead.com", 1))
        while (await asyncio.to_thread(two.figures))["lookups_under_way"] == 0:
            await asyncio.sleep(0.02)
        two.signal(signal.SIGTERM)
        await asyncio.to_thread(two.wait_log, " stopping ")
        hits = await asyncio.gather(*(ask("www.wildcard.com", n) for n in range(40)))
        misses = await asyncio.gather(*(ask(f"late{n}.wildcard.com", n) for n in range(40)))
        assert two.process.poll() is None and not slow.done(), "the test was too slow to ask in time"
        return hits, misses, await slow

    hits, misses, slow = asyncio.run(end())
    assert hits == [dns.rcode.NOERROR] * 40
    assert misses == [dns.rcode.SERVFAIL] * 40
    assert slow == dns.rcode.SERVFAIL
    assert two.process.wait(timeout=15) == 0
    two.start()  # for the end of the fixture


def test_there_is_one_worker_a_core_unless_it_is_said(lab, tmp_path):
    with Daemon(tmp_path, CONFIG.replace("  threads: 2\n", ""), lab) as daemon:
        cores = len(os.sched_getaffinity(0))
        assert f" threads={cores}\n" in daemon.log()
        assert daemon.figures()["threads"] == cores
        tasks = os.listdir(f"/proc/{daemon.process.pid}/task")
        assert len(tasks) >= cores
        check_end(daemon)


def test_the_port_in_use_is_told_by_workers_too(two, lab, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    second = Daemon(folder, CONFIG, lab)
    second.spawn()
    assert second.process.wait(timeout=15) == 1
    second.close()
    assert "cannot serve on 127.0.0.1:53: Address already in use: stop" in second.log()
    assert two.process.poll() is None
