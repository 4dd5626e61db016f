"""The signed lab: what is signed is proven, what is broken fails with its reason."""

import os
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from ask import ask, authoritative, load, signed_zones, zone_names
from daemon import Daemon, Prefix

pytestmark = pytest.mark.usefixtures("nuthatch")

GOOD = sorted(zone for zone, fault in signed_zones().items() if not fault)
# zone, the Extended Error that tells why
BOGUS = [("expired.de", 7), ("early.de", 8), ("broken.de", 6), ("unsigned.de", 10), ("wrong-ds.de", 9)]


def codes(answer):
    return [int(o.code) for o in answer.options if o.otype == dns.edns.EDE]


def chain_is_signed(zone):
    """Are all zones above signed, too? (both.uk and the like; a.deep.org is not, what lies below it is an island)"""
    labels = zone.split(".")
    above = {".".join(labels[i:]) for i in range(1, len(labels))} & set(zone_names())
    return above <= set(GOOD)


@pytest.mark.parametrize("zone", [z for z in GOOD if chain_is_signed(z)])
def test_every_set_of_a_signed_zone_is_proven(zone):
    count = 0
    for owner, rdataset in authoritative(load(zone)):
        answer = ask(owner, rdataset.rdtype, want_dnssec=True)
        assert answer.rcode() == dns.rcode.NOERROR, f"{owner} {answer}"
        assert answer.flags & dns.flags.AD, f"{owner} {answer}"
        count += 1
    assert count > 0


@pytest.mark.parametrize("zone", [z for z in GOOD if chain_is_signed(z)])
def test_denials_of_a_signed_zone_are_proven(zone):
    suffix = "" if zone == "." else zone + "."
    for name, rdtype in ((f"no-such-name-{os.getpid()}.{suffix}", "A"), (suffix or ".", "HINFO")):
        answer = ask(name, rdtype, want_dnssec=True)
        assert answer.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.NOERROR), f"{name} {answer}"
        # Opt-out and names below a wildcard or a DNAME may end elsewhere; those never claim more than is known.
        if zone not in ("com", "net", "wildcard.com", "dname.org", "moved.de"):
            assert answer.flags & dns.flags.AD, f"{name} {answer}"


@pytest.mark.parametrize("zone,code", BOGUS)
def test_a_broken_zone_fails_and_says_why(zone, code):
    answer = ask(f"www.{zone}.", "A")
    assert answer.rcode() == dns.rcode.SERVFAIL, answer
    assert code in codes(answer), answer


@pytest.mark.parametrize("zone", [zone for zone, _ in BOGUS])
def test_with_cd_a_broken_zone_is_answered_as_it_is(zone):
    answer = ask(f"www.{zone}.", "A", flags=dns.flags.RD | dns.flags.CD)
    assert answer.rcode() == dns.rcode.NOERROR and answer.answer, answer
    assert not answer.flags & dns.flags.AD


def test_a_denial_without_proof_fails():
    answer = ask("nothing.no-denial.de.", "A")
    assert answer.rcode() == dns.rcode.SERVFAIL and 12 in codes(answer), answer
    assert ask("www.no-denial.de.", "A", want_dnssec=True).flags & dns.flags.AD


def test_a_digest_that_nobody_knows_makes_the_zone_insecure():
    answer = ask("www.odd-digest.de.", "A", want_dnssec=True)
    assert answer.rcode() == dns.rcode.NOERROR and not answer.flags & dns.flags.AD, answer
    assert 2 in codes(answer), answer


@pytest.mark.parametrize("name", ["www.lame.com.", "www.alias.net.", "www.hosting.net.", "d.c.b.a.deep.org."])
def test_below_an_unsigned_delegation_nothing_is_proven(name):
    answer = ask(name, "A", want_dnssec=True)
    assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and not answer.flags & dns.flags.AD, answer


def test_ad_is_told_only_to_those_who_ask_for_it():
    assert not ask("www.example.com.", "A").flags & dns.flags.AD
    assert ask("www.example.com.", "A", flags=dns.flags.RD | dns.flags.AD).flags & dns.flags.AD


def test_a_reload_with_other_anchors_counts_at_once(tmp_path):
    """Neither a failure nor a finished answer nor a verdict on what is cached outlives the anchors it was made under."""
    config = f"""
server:
  listen: ["127.0.0.1@53012"]
dnssec:
  trust-anchors: {os.environ["NUTHATCH_LAB_ANCHOR"]}
"""

    def dig(name):
        query = dns.message.make_query(name, "A", want_dnssec=True)
        return dns.query.udp(query, "127.0.0.1", port=53012, timeout=10)

    def outcomes(daemon):
        daemon.must_run()
        for name in ("www.broken.de.", "www.example.com."):
            first, again, finished = dig(name), dig(name), dig(name)
            assert len({(a.rcode(), a.flags & dns.flags.AD) for a in (first, again, finished)}) == 1, finished
            yield "SERVFAIL" if first.rcode() else "AD" if first.flags & dns.flags.AD else "no AD"

    negative = "  negative-anchors: [broken.de, example.com]\n"
    with Daemon(tmp_path, config, Prefix([])) as daemon:
        assert list(outcomes(daemon)) == ["SERVFAIL", "AD"]
        asked = daemon.figures()["upstream_udp"]
        daemon.reload(config + negative)
        assert list(outcomes(daemon)) == ["no AD", "no AD"]
        daemon.reload(config)
        assert list(outcomes(daemon)) == ["SERVFAIL", "AD"]
        # What is signed well is validated again from the cache; only the broken set is asked for anew.
        assert daemon.figures()["upstream_udp"] - asked < 12, daemon.figures()
        assert daemon.stop() == 0, daemon.log()


def test_by_default_the_built_in_anchor_refuses_another_root(tmp_path):
    config = "server:\n  listen: [\"127.0.0.1@5312\"]\ndnssec:\n  validate: true\n"
    with Daemon(tmp_path, config, Prefix([])) as daemon:
        done = subprocess.run(["dig", "@127.0.0.1", "-p", "5312", "www.example.com"], capture_output=True, text=True,
                              timeout=30)
        assert "SERVFAIL" in done.stdout and "EDE: 9" in done.stdout, done.stdout
        daemon.must_run()
