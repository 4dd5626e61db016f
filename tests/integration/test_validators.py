"""Other validators beside us: delv and drill agree with our AD on every name of the lab, broken ones and junk included.

delv validates by itself what it asks of us with CD, drill -S chases the chain of trust from the answer up. Where they
cannot judge as a resolver must, that is told in `EXCUSED`, each with the reason.
"""

import concurrent.futures
import os
import subprocess

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

from ask import ask_whole, authoritative, load, signed_zones, zone_names

pytestmark = pytest.mark.usefixtures("nuthatch")

ANCHOR = os.environ.get("NUTHATCH_LAB_ANCHOR", "")
OPT_OUT = "they call a denial proven though opt-out leaves it open (RFC 5155 section 9.2)"
EXCUSED = {
    ("delv", "no-such-name.com.", "A"): OPT_OUT,
    ("delv", "no-such-name.net.", "A"): OPT_OUT,
    ("drill", "no-such-name.com.", "A"): OPT_OUT,
    ("drill", "no-such-name.net.", "A"): OPT_OUT,
    ("drill", "no-such-name.moved.de.", "A"): "drill does not follow a DNAME",
    ("drill", "-dash-.odd.org.", "A"): "drill takes it for options",
}


def questions():
    """Every set of every zone, and in each zone a name and a type that do not exist."""
    found = set()
    for zone in set(zone_names()) | set(signed_zones()):
        origin = "." if zone == "." else zone + "."
        found |= {(owner.to_text(), dns.rdatatype.to_text(rdataset.rdtype))
                  for owner, rdataset in authoritative(load(zone))}
        found |= {("no-such-name." + origin.lstrip("."), "A"), (origin, "HINFO")}
    return sorted(found)


def one_of_each_name(asked):
    return list({name: (name, rdtype) for name, rdtype in asked}.values())


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def check(tool, asked, verdict):
    """`verdict` of a question: does the tool find it proven, and what has it said?"""
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        theirs = list(pool.map(verdict, asked))
    wrong, proven, broken = [], 0, 0
    for question, (is_proven, said) in zip(asked, theirs):
        ours = ask_whole(*question, want_dnssec=True)
        proven += bool(ours.flags & dns.flags.AD)
        broken += ours.rcode() == dns.rcode.SERVFAIL
        if bool(ours.flags & dns.flags.AD) != is_proven and (tool, *question) not in EXCUSED:
            wrong.append((question, ours.to_text(), said))
    assert not wrong, (len(wrong), wrong[:3])
    assert proven > 100 and broken > 10 and len(asked) - proven - broken > 100, (len(asked), proven, broken)


def test_delv_agrees_on_every_name(tmp_path):
    with open(ANCHOR, encoding="ascii") as file:
        tag, algorithm, digest, *key = file.read().split()[4:]
    anchors = tmp_path / "anchors"
    anchors.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {digest} "{"".join(key)}"; }};\n')

    def verdict(question):
        name, rdtype = question
        said = run("delv", "@127.0.0.1", "-a", str(anchors), "+root=.", "-q", name, "-t", rdtype)
        assert "unsigned answer" in said or "fully validated" in said or "resolution failed" in said, said
        return "fully validated" in said, said

    check("delv", one_of_each_name(questions()), verdict)


def test_drill_agrees_on_every_set():
    def verdict(question):
        said = run("drill", "-S", "-t", "-k", ANCHOR, "@127.0.0.1", *question)
        assert "Chase successful" in said or "Chase failed" in said, said
        return "Chase successful" in said, said

    check("drill", questions(), verdict)
