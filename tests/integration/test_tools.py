"""What people see with the tools they use: dig and kdig."""

import re

import pytest

DIG = ["dig", "@127.0.0.1", "+tries=1", "+time=9"]
KDIG = ["kdig", "@127.0.0.1", "+retry=0", "+timeout=9"]

pytestmark = pytest.mark.usefixtures("nuthatch")


def out(lab, command):
    done = lab.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("extra", [[], ["+tcp"], ["+noedns"], ["+dnssec"], ["+nocookie"], ["+qr"]])
def test_dig_short(lab, extra):
    assert "93.184.216.34\n" in out(lab, [*DIG, *extra, "+short", "www.example.com"])


def test_dig_over_ipv6(lab):
    text = out(lab, ["dig", "@::1", "+tries=1", "+time=9", "www.example.com", "AAAA"])
    assert "2606:2800:220:1:248:1893:25c8:1946" in text and "SERVER: ::1#53" in text


def test_dig_shows_status_and_flags(lab):
    text = out(lab, [*DIG, "www.example.com"])
    assert "status: NOERROR" in text
    flags = re.search(r"flags: ([a-z ]*);", text).group(1).split()
    assert flags == ["qr", "rd", "ra", "ad"]  # dig asks for AD
    assert re.search(r"^www\.example\.com\.\s+\d+\s+IN\s+A\s+93\.184\.216\.34$", text, re.M)
    assert "Warning" not in text and "WARNING" not in text


def test_dig_follows_a_truncated_answer_over_tcp(lab):
    text = out(lab, [*DIG, "many.large.net", "A"])
    assert "ANSWER: 100" in text and "(TCP)" in text


def test_dig_asks_for_the_name_of_an_address(lab):
    assert out(lab, [*DIG, "+short", "-x", "93.184.216.34"]) == "www.example.com.\n"


def test_dig_sees_badvers_for_edns_one(lab):
    text = out(lab, [*DIG, "+edns=1", "+noednsnegotiation", "www.example.com"])
    assert "status: BADVERS" in text and "EDNS: version: 0" in text


def test_dig_sees_the_reason_of_a_failure(lab):
    text = out(lab, [*DIG, "www.circle.com"])
    assert "status: SERVFAIL" in text and re.search(r"; EDE: \d+ .*\(.+\)", text)


def test_a_transfer_is_refused(lab):
    assert "Transfer failed" in out(lab, [*DIG, "example.com", "AXFR"])
    assert "REFUSED" in lab.run([*KDIG, "example.com", "AXFR"]).stderr


@pytest.mark.parametrize("extra", [[], ["+tcp"], ["+edns"], ["+dnssec"]])
def test_kdig_short(lab, extra):
    assert "93.184.216.34\n" in out(lab, [*KDIG, *extra, "+short", "www.example.com"])


def test_kdig_shows_the_chain_in_order(lab):
    text = out(lab, [*KDIG, "www.alias.com"])
    assert "status: NOERROR" in text
    names = re.findall(r"^(\S+)\s+\d+\s+IN", text, re.M)
    assert names == ["www.alias.com.", "www.alias.net.", "www.alias.org.", "www.example.com."]


def test_kdig_keeps_one_connection_for_several_questions(lab):
    text = out(lab, [*KDIG, "+tcp", "+keepopen", "+short", "www.example.com", "www.example.net", "www.example.org"])
    assert text.split() == ["93.184.216.34", "93.184.216.101", "93.184.216.110"]


def test_kdig_shows_types_that_have_no_name(lab):
    assert "TYPE65280" in out(lab, [*KDIG, "unknown.types.de", "TYPE65280"])
