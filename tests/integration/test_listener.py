"""Messages that nobody should send: each is answered or dropped as the RFCs say, and the next one is served."""

import socket
import struct
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

HOST = {4: "127.0.0.1", 6: "::1"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

pytestmark = pytest.mark.usefixtures("nuthatch")


def header(ident=0x1234, flags=0x0100, counts=(1, 0, 0, 0)):
    return struct.pack("!6H", ident, flags, *counts)


def name(text):
    return b"".join(bytes([len(label)]) + label for label in text.encode().split(b".") if label) + b"\0"


def question(text="www.example.com", rdtype=1, rdclass=1):
    return name(text) + struct.pack("!2H", rdtype, rdclass)


def opt(size=1232, version=0, data=b"", owner=b"\0", flags=0):
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(data)) + data


def record(owner=b"\0", rdtype=1, rdata=b"\1\2\3\4", rdclass=1):
    return owner + struct.pack("!HHIH", rdtype, rdclass, 60, len(rdata)) + rdata


LONG = "x" * 63
# What is sent, and the rcode that comes back.
ANSWERED = {
    "no question": (header(counts=(0, 0, 0, 0)), "FORMERR"),
    "two questions": (header(counts=(2, 0, 0, 0)) + question() + question("www.example.net"), "FORMERR"),
    "a count without its question": (header(counts=(1, 0, 0, 0)), "FORMERR"),
    "half a question": (header() + name("www.example.com") + b"\0", "FORMERR"),
    "a count without its record": (header(counts=(1, 0, 0, 1)) + question(), "FORMERR"),
    "garbage after the message": (header() + question() + b"garbage", "FORMERR"),
    "a pointer to itself": (header() + b"\xc0\x0c" + struct.pack("!2H", 1, 1), "FORMERR"),
    "a pointer forward": (header() + b"\xc0\x20" + struct.pack("!2H", 1, 1) + b"\0" * 16, "FORMERR"),
    "a label of a reserved kind": (header() + b"\x80\x01" + struct.pack("!2H", 1, 1), "FORMERR"),
    "a label beyond the end": (header() + b"\x3fabc", "FORMERR"),
    "a name over 255 octets": (header() + question(".".join([LONG] * 4)), "FORMERR"),
    "an answer in the query": (header(counts=(1, 1, 0, 0)) + question() + record(), "FORMERR"),
    "opcode STATUS": (header(flags=0x1100) + question(), "NOTIMP"),
    "opcode UPDATE": (header(flags=0x2900) + question(), "NOTIMP"),
    "opcode 15": (header(flags=0x7900) + question(), "NOTIMP"),
    "class ANY": (header() + question(rdclass=255), "REFUSED"),
    "class 4242": (header() + question(rdclass=4242), "REFUSED"),
    "AXFR": (header() + question(rdtype=252), "REFUSED"),
    "IXFR": (header() + question(rdtype=251), "REFUSED"),
    "EDNS version 1": (header(counts=(1, 0, 0, 1)) + question() + opt(version=1), "BADVERS"),
    "EDNS version 255": (header(counts=(1, 0, 0, 1)) + question() + opt(version=255), "BADVERS"),
    "two OPT": (header(counts=(1, 0, 0, 2)) + question() + opt() + opt(), "FORMERR"),
    "OPT with an owner": (header(counts=(1, 0, 0, 1)) + question() + opt(owner=name("a.b")), "FORMERR"),
    "OPT with half an option": (header(counts=(1, 0, 0, 1)) + question() + opt(data=b"\0\x0a\0\x08abc"), "FORMERR"),
}
GOOD = header(ident=0x7777) + question()
DROPPED = {
    "one octet": b"\x12",
    "eleven octets": header()[:11],
    "a response": header(flags=0x8180) + question(),
    "a response with an error": header(flags=0x8182, counts=(0, 0, 0, 0)),
}


class Stream:
    """A TCP connection to the daemon that sends octets as they are and reads whole messages."""

    def __init__(self, family=4):
        self.socket = socket.create_connection((HOST[family], 53), timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, message):
        self.socket.sendall(struct.pack("!H", len(message)) + message)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        return self.exactly(struct.unpack("!H", self.exactly(2))[0])


def datagram_socket(family):
    s = socket.socket(FAMILY[family], socket.SOCK_DGRAM)
    s.settimeout(10)
    s.connect((HOST[family], 53))
    return s


def check_answer(reply, sent, rcode):
    ident, flags = struct.unpack("!2H", reply[:4])
    assert ident == struct.unpack("!H", sent[:2])[0]
    assert flags & 0x8000
    assert flags & 0x7800 == struct.unpack("!H", sent[2:4])[0] & 0x7800
    code = flags & 15
    if rcode == "BADVERS":
        parsed = dns.message.from_wire(reply)
        assert parsed.edns == 0
        code = parsed.rcode()
    assert dns.rcode.to_text(code) == rcode


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("what", ANSWERED)
def test_bad_query_over_udp_is_answered(what, family):
    sent, rcode = ANSWERED[what]
    with datagram_socket(family) as s:
        s.send(sent)
        check_answer(s.recv(4096), sent, rcode)
        s.send(GOOD)
        check_answer(s.recv(4096), GOOD, "NOERROR")


@pytest.mark.parametrize("what", ANSWERED)
def test_bad_query_over_tcp_is_answered(what):
    sent, rcode = ANSWERED[what]
    with Stream() as s:
        s.send(sent)
        check_answer(s.receive(), sent, rcode)
    with Stream() as s:
        s.send(GOOD)
        check_answer(s.receive(), GOOD, "NOERROR")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("what", DROPPED)
def test_what_is_no_query_is_dropped_over_udp(what, family):
    with datagram_socket(family) as s:
        s.send(DROPPED[what])
        s.send(GOOD)
        check_answer(s.recv(4096), GOOD, "NOERROR")  # the first to come back is the good one's
        s.settimeout(0.2)
        with pytest.raises(TimeoutError):
            s.recv(4096)


@pytest.mark.parametrize("what", DROPPED)
def test_what_is_no_query_gets_no_reply_over_tcp(what):
    with Stream() as s:
        s.send(DROPPED[what])
        s.socket.settimeout(0.5)
        try:
            assert s.socket.recv(10) == b""  # closed, or nothing
        except (TimeoutError, ConnectionResetError):
            pass
    with Stream() as s:
        s.send(GOOD)
        check_answer(s.receive(), GOOD, "NOERROR")


def test_an_empty_datagram_is_dropped():
    with datagram_socket(4) as s:
        s.send(b"")
        s.send(GOOD)
        check_answer(s.recv(4096), GOOD, "NOERROR")


def test_bad_messages_are_counted_by_kind(nuthatch):
    before = nuthatch.figures()
    for message in (DROPPED["one octet"], DROPPED["a response"], ANSWERED["two questions"][0],
                    ANSWERED["opcode 15"][0], ANSWERED["EDNS version 1"][0], ANSWERED["class 4242"][0], GOOD):
        with datagram_socket(4) as s:
            s.send(message)
            if message not in DROPPED.values():
                s.recv(4096)
    after = nuthatch.figures()
    for counter in ("dropped_short", "dropped_response", "bad_message", "bad_opcode", "bad_version", "refused_class"):
        assert after[counter] == before[counter] + 1, counter


def test_a_small_advertised_size_means_512():
    query = header(counts=(1, 0, 0, 1)) + question("many.large.net") + opt(size=100)
    with datagram_socket(4) as s:
        s.send(query)
        reply = s.recv(65535)
    assert len(reply) <= 512 and dns.message.from_wire(reply, ignore_trailing=False).flags & dns.flags.TC


def test_unknown_options_do_no_harm():
    query = header(counts=(1, 0, 0, 1)) + question() + opt(data=b"\xff\xf0\0\4abcd\0\x0c\0\0")
    with datagram_socket(4) as s:
        s.send(query)
        check_answer(s.recv(4096), query, "NOERROR")


def test_tcp_messages_may_come_octet_by_octet():
    with Stream() as s:
        s.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in struct.pack("!H", len(GOOD)) + GOOD:
            s.socket.sendall(bytes([octet]))
            time.sleep(0.002)
        check_answer(s.receive(), GOOD, "NOERROR")


@pytest.mark.parametrize("family", [4, 6])
def test_many_queries_in_one_write_are_all_answered(family):
    names = ["www.example.com", "www.example.net", "www.example.org", "pool.example.com", "exact.wildcard.com"] * 6
    wires = [header(ident=n) + question(text) for n, text in enumerate(names)]
    with Stream(family) as s:
        s.socket.sendall(b"".join(struct.pack("!H", len(w)) + w for w in wires))
        replies = [s.receive() for _ in wires]
    assert sorted(struct.unpack("!H", r[:2])[0] for r in replies) == list(range(len(wires)))


def test_a_fast_answer_does_not_wait_for_a_slow_one():
    with Stream() as s:
        s.send(GOOD)
        s.receive()
        s.send(header(ident=1) + question("slow.alldead.com"))
        s.send(header(ident=2) + question("www.example.com"))
        start = time.monotonic()
        assert struct.unpack("!H", s.receive()[:2])[0] == 2
        assert time.monotonic() - start < 1


def test_a_length_of_zero_does_not_stop_the_server():
    with Stream() as s:
        s.socket.sendall(b"\0\0")
    with Stream() as s:
        s.send(GOOD)
        check_answer(s.receive(), GOOD, "NOERROR")


def test_a_connection_closed_in_the_middle_does_no_harm():
    for cut in (1, 2, 5, len(GOOD)):
        with Stream() as s:
            s.socket.sendall((struct.pack("!H", len(GOOD)) + GOOD)[:cut])
    with Stream() as s:
        s.send(header(ident=9) + question("other.alldead.com"))  # gone before its answer is there
    with Stream() as s:
        s.send(GOOD)
        check_answer(s.receive(), GOOD, "NOERROR")
