"""Every name and type of the lab is answered as its zone file says, over UDP and TCP, IPv4 and IPv6."""

import time

import dns.edns
import dns.flags
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import pytest

from ask import SERVERS, ask, ask_whole, authoritative, load, zone_names

pytestmark = pytest.mark.usefixtures("nuthatch")

DAY = 86400  # cache.ttl-max's default


def rcode_of(answer):
    return dns.rcode.to_text(answer.rcode())


@pytest.mark.parametrize("via", SERVERS)
@pytest.mark.parametrize("zone", zone_names())
def test_the_zone_is_answered_as_its_file_says(zone, via):
    count = 0
    for name, expected in authoritative(load(zone)):
        answer = ask_whole(name, expected.rdtype, via)
        what = f"{name} {dns.rdatatype.to_text(expected.rdtype)}"
        assert rcode_of(answer) == "NOERROR", f"{what}\n{answer}"
        assert answer.flags & dns.flags.RA and not answer.flags & dns.flags.AA, what
        assert len(answer.answer) == 1, f"{what}\n{answer}"
        got = answer.answer[0]
        assert got.name == name and got.rdtype == expected.rdtype, f"{what}\n{answer}"
        assert set(got) == set(expected), f"{what}\n{answer}"
        assert got.ttl <= min(expected.ttl, DAY), what
        count += 1
    assert count >= 2  # SOA and NS at least


# Name, and the names that the answer's chain goes through, ending in an address.
CHAINS = [
    ("ftp.example.com", ["www.example.com"], "93.184.216.34"),
    ("one.example.com", ["two.example.com", "three.example.com", "www.example.com"], "93.184.216.34"),
    ("www.alias.com", ["www.alias.net", "www.alias.org", "www.example.com"], "93.184.216.34"),
    ("c1.alias.org", [f"c{n}.alias.org" for n in range(2, 9)] + ["www.example.net"], "93.184.216.101"),
    ("to-wildcard.alias.com", ["anything.wildcard.com"], "93.184.216.50"),
    ("x.alias.wildcard.com", ["www.example.com"], "93.184.216.34"),
    ("www.sub.dname.org", ["www.example.com"], "93.184.216.34"),
    ("www.moved.de", ["www.example.org"], "93.184.216.110"),
    ("www.twice.dname.org", ["www.moved.de", "www.example.org"], "93.184.216.110"),
    ("to-dname.alias.com", ["www.sub.dname.org", "www.example.com"], "93.184.216.34"),
    ("short-alias.ttl.net", ["hour.ttl.net"], "93.184.216.127"),
    ("alias.odd.org", ["with\\032space.odd.org"], "93.184.216.141"),
]


@pytest.mark.parametrize("name,chain,address", CHAINS)
def test_aliases_are_followed_in_order(name, chain, address):
    for via in SERVERS:
        answer = ask(name, "A", via)
        assert rcode_of(answer) == "NOERROR", answer
        at = dns.name.from_text(name)
        for target in chain:
            cname = answer.find_rrset(answer.answer, at, dns.rdataclass.IN, dns.rdatatype.CNAME)
            at = dns.name.from_text(target)
            assert cname[0].target == at, answer
        assert answer.answer[-1].name == at
        assert {r.address for r in answer.answer[-1]} == {address}


# Name, type, rcode, the SOA's owner in the authority section, the most TTL it may have.
NEGATIVES = [
    ("no-such-name.example.com", "A", "NXDOMAIN", "example.com", 300),
    ("www.example.com", "MX", "NOERROR", "example.com", 300),
    ("no.such.tld-here", "A", "NXDOMAIN", ".", 86400),
    ("c.empty.com", "A", "NOERROR", "empty.com", 300),
    ("b.c.empty.com", "TXT", "NOERROR", "empty.com", 300),
    ("a.b.c.empty.com", "AAAA", "NOERROR", "empty.com", 300),
    ("x.c.empty.com", "A", "NXDOMAIN", "empty.com", 300),
    ("ac.uk", "A", "NOERROR", "uk", 10800),
    ("nope.ac.uk", "A", "NXDOMAIN", "uk", 10800),
    ("nope.co.uk", "A", "NXDOMAIN", "co.uk", 10800),
    ("x.wildcard.com", "MX", "NOERROR", "wildcard.com", 300),
    ("x.ent.wildcard.com", "A", "NXDOMAIN", "wildcard.com", 300),
    ("exact.wildcard.com", "TXT", "NOERROR", "wildcard.com", 300),
    ("nope.negative-short.com", "A", "NXDOMAIN", "negative-short.com", 5),
    ("www.negative-short.com", "TXT", "NOERROR", "negative-short.com", 5),
    ("nope.negative-long.com", "A", "NXDOMAIN", "negative-long.com", 3600),
    ("dangling.example.com", "A", "NXDOMAIN", "example.com", 300),
    ("gone.alias.com", "A", "NXDOMAIN", "alias.org", 120),
    ("to-nodata.alias.com", "AAAA", "NOERROR", "example.com", 300),
    ("x.gone.dname.org", "A", "NXDOMAIN", "example.net", 300),
    ("moved.de", "A", "NOERROR", "moved.de", 300),
    ("1.c.b.a.deep.org", "A", "NXDOMAIN", "c.b.a.deep.org", 300),
    ("99.216.184.93.in-addr.arpa", "PTR", "NXDOMAIN", "216.184.93.in-addr.arpa", 300),
    # answered from the built-in zones, never asked outside
    ("a.invalid", "A", "NXDOMAIN", "invalid", 10800),
    ("host.home.arpa", "A", "NXDOMAIN", "home.arpa", 10800),
    ("1.0.0.10.in-addr.arpa", "PTR", "NXDOMAIN", "10.in-addr.arpa", 10800),
    ("localhost", "MX", "NOERROR", "localhost", 10800),
]


@pytest.mark.parametrize("via", ["udp4", "tcp6"])
@pytest.mark.parametrize("name,rdtype,rcode,zone,ttl", NEGATIVES)
def test_what_is_not_there_is_denied_with_its_zones_soa(name, rdtype, rcode, zone, ttl, via):
    for _ in ("resolved", "cached"):
        answer = ask(name, rdtype, via)
        assert rcode_of(answer) == rcode, answer
        assert not [r for r in answer.answer if r.rdtype == dns.rdatatype.from_text(rdtype)], answer
        soa = [r for r in answer.authority if r.rdtype == dns.rdatatype.SOA]
        assert len(soa) == 1 and soa[0].name == dns.name.from_text(zone), answer
        assert soa[0].ttl <= min(ttl, soa[0][0].minimum), answer


FAILURES = ["www.circle.com", "www.circle.org", "www.alllame.com", "www.nowhere.com", "self.example.com",
            "loop.alias.com", "www.alldead.com"]


@pytest.mark.parametrize("name", FAILURES)
def test_what_cannot_be_resolved_is_servfail_with_its_reason(name):
    answer = ask(name, "A")
    assert rcode_of(answer) == "SERVFAIL", answer
    errors = [o for o in answer.options if o.otype == dns.edns.OptionType.EDE]
    assert errors and errors[0].text, answer


def test_a_dname_that_grows_ends_in_an_error_not_in_an_endless_walk():
    assert rcode_of(ask("x.grow.dname.org", "A")) in ("YXDOMAIN", "SERVFAIL")


WAYS_AROUND = ["www.lame.com", "www.dead.com", "www.mismatch.net", "www.halfcircle.com", "www.halfcircle.org",
               "www.six.net", "www.chain1.com", "www.glueless.com", "www.child.both.uk"]


@pytest.mark.parametrize("name", WAYS_AROUND)
def test_one_good_server_is_enough(name):
    answer = ask(name, "A")
    assert rcode_of(answer) == "NOERROR" and answer.answer, answer


@pytest.mark.parametrize("name,rdtype", [("txt.large.net", "TXT"), ("many.large.net", "A"), ("alias.large.net", "TXT")])
def test_what_does_not_fit_is_truncated_over_udp_and_whole_over_tcp(name, rdtype):
    short = ask(name, rdtype)
    assert short.flags & dns.flags.TC and not short.answer, short
    whole = ask(name, rdtype, "tcp4")
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[-1]) == (100 if rdtype == "A" else 14)


def test_without_edns_an_answer_keeps_within_512_octets_and_has_no_opt():
    answer = ask("pool.example.com", "A", use_edns=False)
    assert len(answer.answer[0]) == 6 and answer.edns == -1
    big = ask("many.large.net", "A", use_edns=False)
    assert big.flags & dns.flags.TC and len(big.to_wire()) <= 512


def test_the_ttl_counts_down_in_the_cache():
    first = ask("hour.ttl.net", "A").answer[0].ttl
    time.sleep(2.1)
    second = ask("hour.ttl.net", "A").answer[0].ttl
    assert 2 <= first - second <= 4


def test_a_record_is_asked_for_again_once_its_time_is_over(nuthatch):
    ask("one.ttl.net", "A")
    before = nuthatch.figures()["upstream_udp"]
    time.sleep(1.5)
    assert ask("one.ttl.net", "A").answer[0].ttl == 1
    assert nuthatch.figures()["upstream_udp"] > before


def test_a_second_question_costs_no_message(nuthatch):
    ask("week.ttl.net", "A")
    before = nuthatch.figures()
    for via in SERVERS:
        assert ask("WEEK.ttl.NET", "A", via).answer
    after = nuthatch.figures()
    assert after["upstream_udp"] == before["upstream_udp"]
    assert after["upstream_tcp"] == before["upstream_tcp"]


def test_the_question_comes_back_in_the_case_it_was_asked_in():
    for name in ("wWw.eXaMpLe.CoM.", "WWW.EXAMPLE.COM.", "www.example.com."):
        answer = ask(name, "A")
        assert answer.question[0].name.to_text() == name


def test_localhost_needs_no_server():
    assert ask("localhost", "A").answer[0][0].address == "127.0.0.1"
    assert ask("any.localhost", "AAAA").answer[0][0].address == "::1"
    assert ask("1.0.0.127.in-addr.arpa", "PTR").answer[0][0].target == dns.name.from_text("localhost")


def test_addresses_are_named_back():
    for address, name in (("93.184.216.34", "www.example.com."), ("2606:2800:220:1::101", "www.example.net.")):
        answer = ask(dns.reversename.from_address(address), "PTR")
        assert answer.answer[0][0].target.to_text() == name


def test_names_from_wildcards_are_answered_with_the_name_asked():
    answer = ask("what.ever.wildcard.com", "A")
    assert answer.answer[0].name == dns.name.from_text("what.ever.wildcard.com")
    assert answer.answer[0][0].address == "93.184.216.50"
