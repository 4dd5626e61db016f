"""Options that change whom Nuthatch asks and whom it answers, each with a daemon of its own in the lab."""

import contextlib
import socket

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from daemon import Daemon, binary

PORT = 5311


@contextlib.contextmanager
def daemon(tmp_path, lab, text, listen='"127.0.0.1@5311", "::1@5311"'):
    config = f"server:\n  listen: [{listen}]\n" + text
    with Daemon(tmp_path, config, lab) as d:
        yield d
        d.must_run()


def ask(name, rdtype="A", server="127.0.0.1", source=None, timeout=10):
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
    return dns.query.udp(query, server, port=PORT, source=source, timeout=timeout)


def rcode(*args, **options):
    return dns.rcode.to_text(ask(*args, **options).rcode())


def sent(d):
    """(to, name, type, zone) of each message that was sent to a server, from the debug log."""
    lines = [dict(word.partition("=")[::2] for word in line.split() if "=" in word)
             for line in d.log().split("\n") if " upstream_send " in line]
    return [(m["to"], m["name"], m["type"], m["zone"].lower()) for m in lines]


# Without validation, so that the messages counted are those of the question alone.
DEBUG = "log:\n  level: debug\ndnssec:\n  validate: false\n"


def test_by_default_names_are_minimised_and_their_case_mixed(tmp_path, lab):
    with daemon(tmp_path, lab, DEBUG) as d:
        assert rcode("a.b.c.empty.com") == "NOERROR"
        names = [name for _, name, _, _ in sent(d)]
        to_root = {name.lower() for _, name, _, zone in sent(d) if zone == "."}
        to_com = {name.lower() for _, name, _, zone in sent(d) if zone == "com."}
        assert to_root == {".", "com."} and to_com == {"empty.com."}
        assert any(name != name.lower() and name != name.upper() for name in names)


def test_without_minimisation_and_case_mixing_servers_see_the_question_itself(tmp_path, lab):
    with daemon(tmp_path, lab, DEBUG + "resolver:\n  qname-minimisation: false\n  case-randomisation: false\n") as d:
        assert rcode("a.b.c.empty.com") == "NOERROR"
        assert {name for _, name, _, _ in sent(d)} == {".", "a.b.c.empty.com."}


@pytest.mark.parametrize("family,other", [("ipv4", "ipv6"), ("ipv6", "ipv4")])
def test_one_family_is_enough_for_servers_that_have_it(tmp_path, lab, family, other):
    with daemon(tmp_path, lab, DEBUG + f"upstream:\n  {other}: false\n") as d:
        assert rcode("www.example.com") == "NOERROR"
        assert all(to.startswith("[") == (family == "ipv6") for to, *_ in sent(d))
        assert rcode("www.six.net") == ("NOERROR" if family == "ipv6" else "SERVFAIL")
        assert rcode("www.wildcard.com") == ("NOERROR" if family == "ipv4" else "SERVFAIL")


def test_addresses_not_to_be_queried_are_never_asked(tmp_path, lab):
    with daemon(tmp_path, lab, DEBUG + "upstream:\n  do-not-query: [192.0.2.0/24, 2001:db8:a::/48]\n") as d:
        assert rcode("www.example.com") == "SERVFAIL"
        assert rcode("www.example.org") == "NOERROR"
        assert not [to for to, *_ in sent(d) if to.startswith("192.0.2.") or to.startswith("[2001:db8:a:")]


def test_a_stub_zone_is_asked_at_the_servers_named_for_it(tmp_path, lab):
    # circle.org has no way from the root; deep.org's servers are known without it.
    stubs = "stub-zones:\n  - {name: deep.org, addresses: [192.0.2.54]}\n"
    with daemon(tmp_path, lab, DEBUG + stubs) as d:
        assert rcode("www.deep.org") == "NOERROR"
        assert {(to, zone) for to, _, _, zone in sent(d)} == {("192.0.2.54:53", "deep.org.")}
        assert rcode("www.a.deep.org") == "NOERROR"


FORWARDER = "10.8.8.8:5312"


@contextlib.contextmanager
def forwarder(tmp_path, lab):
    """Another nuthatchd, which resolves from the root and logs what it is asked."""
    folder = tmp_path / "forwarder"
    folder.mkdir()
    text = "access:\n  allow: [0.0.0.0/0]\nlog:\n  queries: true\n"
    with daemon(folder, lab, text, listen="10.8.8.8@5312") as d:
        yield d


def test_everything_is_asked_of_the_resolver_it_is_forwarded_to(tmp_path, lab):
    forwards = "forward-zones:\n  - {name: ., addresses: [10.8.8.8@5312]}\n"
    with forwarder(tmp_path, lab) as other, daemon(tmp_path, lab, DEBUG + forwards) as d:
        assert rcode("www.example.com") == "NOERROR"
        assert rcode("nope.example.org") == "NXDOMAIN"
        assert {to for to, *_ in sent(d)} == {FORWARDER}
        assert "www.example.com" in other.log().lower() and "nope.example.org" in other.log().lower()


def test_only_the_zone_that_is_named_is_forwarded(tmp_path, lab):
    forwards = "forward-zones:\n  - {name: example.com, addresses: [10.8.8.8@5312]}\n"
    with forwarder(tmp_path, lab), daemon(tmp_path, lab, DEBUG + forwards) as d:
        assert rcode("www.example.com") == "NOERROR"
        assert {to for to, *_ in sent(d)} == {FORWARDER}
        assert rcode("www.example.org") == "NOERROR"
        assert [zone for to, _, _, zone in sent(d) if to == FORWARDER] == ["example.com."]


@pytest.mark.parametrize("first,expected", [("true", "NOERROR"), ("false", "SERVFAIL")])
def test_a_forwarder_that_does_not_answer_is_the_end_unless_it_is_only_the_first(tmp_path, lab, first, expected):
    forwards = f"forward-zones:\n  - {{name: com, addresses: [10.8.8.8@5399], first: {first}}}\n"
    with daemon(tmp_path, lab, DEBUG + forwards) as d:
        assert rcode("www.example.com") == expected
        asked = [to for to, *_ in sent(d)]
        assert asked[0] == "10.8.8.8:5399"
        assert any(to != "10.8.8.8:5399" for to in asked) == (first == "true")


def test_a_zone_forwarded_to_ourselves_is_refused_with_its_place(tmp_path, lab):
    file = tmp_path / "n.yaml"
    file.write_text("server:\n  listen: [0.0.0.0@5311]\n"
                    "forward-zones:\n  - {name: example.com, addresses: [10.9.9.9, 127.0.0.1@5311]}\n")
    done = lab.run([binary(), "-c", file, "--check-config"])
    assert done.returncode != 0
    assert "n.yaml:4:5: forward-zones: example.com.: 127.0.0.1:5311 is an address we listen on" in done.stderr


def test_a_reload_begins_and_ends_forwarding(tmp_path, lab):
    listen = "server:\n  listen: [\"127.0.0.1@5311\", \"::1@5311\"]\n"
    forwards = "forward-zones:\n  - {name: ., addresses: [10.8.8.8@5312]}\n"
    with forwarder(tmp_path, lab), daemon(tmp_path, lab, DEBUG) as d:
        assert "option=forward-zones" in d.reload(listen + DEBUG + forwards)
        assert rcode("www.example.com") == "NOERROR"
        assert {to for to, *_ in sent(d)} == {FORWARDER}
        d.reload(listen + DEBUG)
        assert rcode("www.example.org") == "NOERROR"
        assert {to for to, *_ in sent(d)} > {FORWARDER}


def test_root_hints_of_a_file_are_asked_first(tmp_path, lab):
    hints = tmp_path / "hints"
    hints.write_text(". 60 NS k.root-servers.net.\nk.root-servers.net. 60 A 193.0.14.129\n")
    with daemon(tmp_path, lab, DEBUG + f"resolver:\n  root-hints: {hints}\n") as d:
        assert rcode("www.example.com") == "NOERROR"
        assert sent(d)[0][:3] == ("193.0.14.129:53", ".", "NS")


def test_clients_outside_of_the_access_list_are_refused_or_not_answered(tmp_path, lab):
    access = "access:\n  allow: [127.0.0.0/8, 10.0.0.0/8]\n  refuse: [10.1.0.0/16]\n  drop: [10.2.0.0/16]\n"
    with daemon(tmp_path, lab, access, listen="10.9.9.9@5311") as d:
        assert rcode("www.example.com", server="10.9.9.9", source="10.0.0.5") == "NOERROR"
        assert rcode("www.example.com", server="10.9.9.9", source="10.1.0.5") == "REFUSED"
        assert rcode("www.example.com", server="10.9.9.9", source="93.184.216.200") == "REFUSED"
        with pytest.raises(dns.exception.Timeout):
            ask("www.example.com", server="10.9.9.9", source="10.2.0.5", timeout=0.5)
        figures = d.figures()
        assert figures["refused_access"] == 2 and figures["dropped_access"] == 1


def ask_cache(name, source):
    """A question without RD."""
    query = dns.message.make_query(name, "A", use_edns=0, payload=1232, flags=0)
    return dns.query.udp(query, "10.9.9.9", port=PORT, source=source, timeout=10)


def test_the_cache_answers_without_rd_whom_it_may_and_asks_nobody(tmp_path, lab):
    access = "access:\n  allow: [10.0.0.0/8]\n  allow-snoop: [10.3.0.0/16]\n"
    with daemon(tmp_path, lab, DEBUG + access, listen="10.9.9.9@5311") as d:
        assert ask_cache("www.example.com", "10.3.0.5").answer == []
        assert sent(d) == []
        assert rcode("www.example.com", server="10.9.9.9", source="10.3.0.5") == "NOERROR"
        before = sent(d)
        held = ask_cache("www.example.com", "10.3.0.5")
        assert held.rcode() == dns.rcode.NOERROR and held.answer
        refused = ask_cache("www.example.com", "10.4.0.5")
        assert refused.rcode() == dns.rcode.REFUSED and not refused.answer
        assert sent(d) == before


def test_a_reload_says_who_may_snoop(tmp_path, lab):
    listen = "server:\n  listen: [10.9.9.9@5311]\n"
    with daemon(tmp_path, lab, "", listen="10.9.9.9@5311") as d:
        assert rcode("www.example.com", server="10.9.9.9", source="10.3.0.5") == "NOERROR"
        assert ask_cache("www.example.com", "10.3.0.5").rcode() == dns.rcode.REFUSED
        assert "option=access.allow-snoop" in d.reload(listen + "access:\n  allow-snoop: [10.3.0.0/16]\n")
        assert ask_cache("www.example.com", "10.3.0.5").answer


@pytest.mark.parametrize("wildcard,address", [("0.0.0.0@5311", "10.7.7.7"), ("::@5311", "fd00::7"),
                                              ("0.0.0.0@5311", "127.0.0.9")])
def test_a_wildcard_listener_answers_from_the_address_it_was_asked_at(tmp_path, lab, wildcard, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if family == socket.AF_INET6:  # the lab's route alone does not make it a source to send from
        lab.run(["ip", "address", "replace", address, "dev", "lo", "nodad"])
    with daemon(tmp_path, lab, "", listen=f'"{wildcard}"'):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.bind((address, 0))
            s.connect((address, PORT))  # so that only answers from there arrive
            query = dns.message.make_query("localhost", "A")
            s.send(query.to_wire())
            answer = dns.message.from_wire(s.recv(4096))
    assert query.is_response(answer) and answer.answer


def test_the_least_and_the_most_ttl_are_kept_to(tmp_path, lab):
    with daemon(tmp_path, lab, "cache:\n  ttl-min: 30s\n  ttl-max: 10m\n  negative-ttl-max: 20s\n"):
        assert ask("ten.ttl.net").answer[0].ttl == 30
        assert ask("month.ttl.net").answer[0].ttl == 600
        assert ask("nope.negative-long.com").authority[0].ttl <= 20


def test_a_small_cache_stays_within_its_size(tmp_path, lab):
    with daemon(tmp_path, lab, "cache:\n  size: 1m\n") as d:
        for n in range(3000):
            answer = ask(f"a-rather-long-name-that-fills-the-cache-{n:06}.wildcard.com", "TXT")
            assert answer.answer, answer
        assert d.figures()["cache_bytes"] <= 1 << 20
        assert rcode("www.example.com") == "NOERROR"
