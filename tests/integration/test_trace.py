"""`nuthatch`: the walk of a name as a tree, the status, flushing; and what it says when it cannot."""

import json
import os
import pathlib
import subprocess

import pytest

from daemon import Daemon, binary

TOOL = pathlib.Path(binary()).with_name("nuthatch")
CONFIG = """
server:
  listen: ["127.0.0.1@5313"]
  threads: %s
control:
  socket: %s
"""


@pytest.fixture(scope="module")
def socket(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    path = folder / "control.sock"
    with Daemon(folder, CONFIG % (os.environ.get("NUTHATCH_THREADS", "1"), path), lab) as d:
        yield path
        d.must_run()
        assert d.stop() == 0, d.log()


def run(socket, *words, code=0):
    done = subprocess.run([TOOL, "-s", socket, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def cost(text):
    return int(text.split("cost: ")[1].split()[0])


def test_a_deep_walk_shows_lame_server_alias_chain_and_chain_of_trust(socket):
    for _ in range(20):  # which server is asked first is chance
        text = run(socket, "trace", "walk.lame.com")
        if "LAME: it refuses" in text:
            break
    for line in ("LAME: it refuses (REFUSED)", "com. A?  ", "lame.com. is served elsewhere (2 name servers)", "an alias  walk.lame.com. 600 IN CNAME walk.alias.org.",
                 "needs walk.alias.org. A, for the alias", "needs www.d.c.b.a.deep.org. A, for the alias",
                 "for the address of a name server", "c.b.a.deep.org. is served elsewhere (1 name server, signed: DS)",
                 "needs com. DNSKEY, for the chain of trust", "validation: insecure", "validation: secure; . DNSKEY by key ", "validation: secure; com. DS by key ",
                 "www.d.c.b.a.deep.org. 3600 IN A 93.184.216.84", "NOERROR, insecure"):
        assert line in text, text
    assert "walk.lame.com." in text and cost(text) > 10


def test_a_second_walk_begins_anew(socket):
    first, second = run(socket, "trace", "www.example.com"), run(socket, "trace", "www.example.com")
    assert cost(first) > 3 and cost(second) > 3 and "NOERROR, secure" in second


def test_a_lame_server_is_named(socket):
    for _ in range(12):  # which server is asked first is chance
        text = run(socket, "trace", "www.lame.com")
        assert "NOERROR" in text
        if "LAME: it refuses" in text:
            return
    pytest.fail("the lame server was never asked")


def test_what_is_bogus_says_why(socket):
    text = run(socket, "trace", "www.expired.de")
    assert " A BOGUS by key " in text
    assert "validation: bogus: the signatures have expired" in text and "SERVFAIL: the signatures have expired (EDE 7)" in text
    last = [line for line in text.splitlines() if line.startswith("`- ")]
    assert last == ["`- FAILED: the signatures have expired"], text


def test_silent_servers_are_shown(socket):
    text = run(socket, "trace", "www.alldead.com")
    assert ": no answer within " in text and "SERVFAIL: no name server of the zone answered (EDE 22)" in text


def test_a_denial_shows_its_records(socket):
    text = run(socket, "trace", "nope.example.com")
    assert "there is no such name (NXDOMAIN)" in text and "NXDOMAIN, secure" in text and " IN SOA " in text


def test_json_holds_every_event(socket):
    document = json.loads(run(socket, "--json", "trace", "www.example.com", "AAAA"))
    kinds = {event["event"] for event in document["events"]}
    assert {"need", "cut", "send", "reply", "verdict", "end"} <= kinds
    sends = sum(event["event"] == "send" for event in document["events"])
    assert document["ok"] and document["messages"] == sends and document["security"] == "secure"


def test_status_and_flush(socket):
    text = run(socket, "status")
    assert "version" in text and "127.0.0.1:5313" in text
    subprocess.run(["dig", "@127.0.0.1", "-p", "5313", "www.example.org"], check=True, capture_output=True, timeout=30)
    assert int(run(socket, "flush", "www.example.org").split()[0]) > 0
    assert int(run(socket, "flush", "www.example.org").split()[0]) == 0
    assert run(socket, "flush", "--zone", "org").endswith("entries removed\n")
    assert run(socket, "flush", "--all").endswith("entries removed\n")


@pytest.mark.parametrize("words,code,says", [
    (["trace"], 2, "a name is missing for trace"), (["trace", "a..b"], 1, "no domain name"),
    (["trace", "example.com", "NOTYPE"], 1, "no such record type"), (["trace", "example.com", "ANY"], 1, "does not answer"),
    (["flush"], 2, "flush takes"), (["flush", "--zone", "a..b"], 1, "no domain name"), (["flush", "--zone"], 2, "no such option here"),
    (["lookup"], 2, "a name is missing"), (["lookup", "a", "b", "c"], 2, "too many arguments for lookup"), (["stats", "--all"], 2, "no such option here"),
    (["lookup", "a", "NOTYPE"], 1, "no such record type"), (["query", "a..b"], 2, "no domain name"), (["query", "a", "NOTYPE"], 2, "no such record type"),
    (["query", "a", "@nowhere"], 2, "a server is an address"), (["query", "a", "@127.0.0.1@9"], 3, "no reply"),
    (["frob"], 2, "no such command"), ([], 2, "which command"), (["--frob"], 2, "no such option")])
def test_mistakes_are_told_with_their_exit_code(socket, words, code, says):
    assert says in run(socket, *words, code=code)


@pytest.mark.parametrize("command", ["status", "stats", "lookup", "trace", "flush", "reload", "query"])
def test_help_of_a_command_asks_nobody(tmp_path, command):
    assert command in run(tmp_path / "none", command, "--help")


def test_lookup_shows_what_is_held_and_of_servers_what_is_known(socket):
    run(socket, "flush", "--all")
    assert "nothing is held of www.example.org." in run(socket, "lookup", "www.example.org")
    assert "asked for its servers first" in run(socket, "lookup", "www.example.org")
    run(socket, "query", "www.example.org")
    held = run(socket, "lookup", "www.example.org")
    assert "rrset A; " in held and "www.example.org. " in held and "secure" in held and "begins at the servers of example.org." in held
    cut = run(socket, "lookup", "example.org", "NS")
    assert "delegation; " in cut and " ms\n" in cut and ".53:53" in cut
    run(socket, "query", "nope.example.org")
    assert "negative: NXDOMAIN; " in run(socket, "lookup", "nope.example.org", "TXT")
    run(socket, "query", "www.alldead.com")
    assert "failure A: no name server of the zone answered, 1 in a row" in run(socket, "lookup", "www.alldead.com")
    assert run(socket, "lookup", "www.example.org", "MX").startswith("nothing is held")


def test_stats_count_and_leave_out_what_is_zero(socket):
    def queries():
        return json.loads(run(socket, "--json", "stats"))["resolver"]["queries"]
    before = queries()
    run(socket, "query", "www.example.org")
    assert queries() == before + 1
    text = run(socket, "stats")
    assert "  udp_received " in text and "straight from the answer cache" in text and "are 0 and not shown" in text
    assert " 0\n" not in text


@pytest.mark.parametrize("words", [[], ["--tcp"]])
def test_query_prints_the_reply_with_ad_and_why_it_failed(socket, words):
    good = run(socket, "query", "www.example.com", *words)
    assert "rcode NOERROR" in good and " ad\n" in good and "www.example.com.\t" in good
    assert "RRSIG" in run(socket, "query", "www.example.com", "A", "--dnssec", *words)
    bad = run(socket, "query", "www.expired.de", *words)
    assert "rcode SERVFAIL" in bad and "EDE 7: the signatures have expired" in bad
    assert "rcode NOERROR" in run(socket, "query", "www.expired.de", "--cd", *words)
    assert "rcode NOERROR" in run(socket, "query", "www.example.com", "@127.0.0.1@5313", *words)


def test_a_long_reply_comes_over_tcp(socket):
    assert "tc" not in run(socket, "query", ".", "DNSKEY", "--dnssec").split("flags ")[1].split("\n")[0]


def test_without_a_server_it_says_where_it_looked(tmp_path):
    text = run(tmp_path / "none", "status", code=3)
    assert f"{tmp_path}/none" in text and "control.socket" in text


def test_a_peer_that_leaves_ends_its_trace(socket):
    import socket as sockets
    import time
    peer = sockets.socket(sockets.AF_UNIX)
    peer.connect(str(socket))
    peer.sendall(b'{"command": "trace", "name": "www.alldead.com"}\n')
    time.sleep(0.2)
    other = run(socket, "trace", "www.example.com", code=1)
    assert "another trace is under way" in other
    peer.close()
    time.sleep(0.2)
    assert "NOERROR" in run(socket, "trace", "www.example.com")
