"""DNS cookies and TCP keepalive through real sockets, with two workers and over a reload."""

import dns.edns
import dns.message
import dns.query
import dns.rcode

from daemon import Daemon

PORT = 5313
CONFIG = 'server:\n  listen: ["127.0.0.1@5313"]\n  threads: 2\n  tcp-idle: 7s\n'
CLIENT = bytes.fromhex("2464c4abcf10c957")
COOKIE, KEEPALIVE = 10, 11


def ask(options, name="www.example.com", send=dns.query.udp):
    query = dns.message.make_query(name, "A", use_edns=0, payload=1232, options=options)
    return send(query, "127.0.0.1", port=PORT, timeout=10)


def option(answer, code):
    found = [o for o in answer.options if o.otype == code]
    return found[0].to_wire() if found else None


def cookie(octets):
    return [dns.edns.GenericOption(COOKIE, octets)]


def test_cookies_are_renewed_and_outlive_a_reload_of_the_secret(tmp_path, lab):
    with Daemon(tmp_path, CONFIG, lab) as d:
        first = option(ask(cookie(CLIENT)), COOKIE)
        assert len(first) == 24 and first[:8] == CLIENT and first[8:12] == b"\1\0\0\0"
        for _ in range(2):  # resolved, then from the cache, by either worker
            for i in range(8):
                assert option(ask(cookie(first), f"n{i}.wildcard.com"), COOKIE)[:8] == CLIENT
        good = d.figures()["cookies_good"]
        assert good == 16 and d.figures()["cookies_bad"] == 0
        d.reload()
        assert option(ask(cookie(first)), COOKIE)[16:] != first[16:]
        assert d.figures()["cookies_good"] == 17
        d.reload()
        ask(cookie(first))
        assert d.figures()["cookies_bad"] == 1
        assert dns.rcode.to_text(ask(cookie(b"short")).rcode()) == "FORMERR"
        d.must_run()


def test_clients_over_tcp_are_told_the_idle_time(tmp_path, lab):
    with Daemon(tmp_path, CONFIG, lab) as d:
        asked = [dns.edns.GenericOption(KEEPALIVE, b"")]
        assert option(ask(asked, send=dns.query.tcp), KEEPALIVE) == b"\0\x46"
        assert option(ask(asked), KEEPALIVE) is None
        d.must_run()
