"""RFC 5011 before a real zone: a new key is trusted after its time, survives a restart, and the old one ends itself.

Signatures bear the clock's dates, so the thirty days are not waited for: while the server is down, the state file is
set back by as much.
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.rdatatype
import dns.zone
import pytest

from ask import ask
from daemon import Daemon, binary

ZONE = "roll.de."
SERVER = "203.0.113.77"
MONTH = 31 * 86400
PLAIN = f"""$ORIGIN {ZONE}
$TTL 1
@ SOA ns.roll.de. host.roll.de. 1 7200 3600 604800 1
@ NS ns
ns A {SERVER}
www A 192.0.2.80
"""
CONFIG = f"""server:
  listen: [127.0.0.1@53]
  threads: {{threads}}
stub-zones:
  - {{{{name: {ZONE}, addresses: [{SERVER}]}}}}
dnssec:
  trust-anchors: {{folder}}/configured
  anchor-state: {{folder}}/anchors
  signal-anchors: no
"""


def new_key(folder):
    done = subprocess.run(["ldns-keygen", "-k", "-a", "ED25519", ZONE], cwd=folder, capture_output=True, text=True, check=True)
    return folder / done.stdout.strip()


def record(key):
    return pathlib.Path(f"{key}.key").read_text()


def revoke(key):
    """The same key with the REVOKE bit, which changes its tag, in files of its own."""
    revoked = key.with_name(f"{key.name}-revoked")
    for suffix in (".key", ".private"):
        shutil.copy(f"{key}{suffix}", f"{revoked}{suffix}")
    subprocess.run(["ldns-revoke", f"{revoked}.key"], capture_output=True, check=True)
    return revoked


def tag(key):
    return int(re.search(r"id = (\d+)", record(key))[1])


class Server(threading.Thread):
    """Serves the zone, which changes under its hands."""

    def __init__(self):
        super().__init__(daemon=True)
        self.zone = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((SERVER, 53))
        self.socket.settimeout(0.1)
        self.over = False

    def close(self):
        self.over = True
        self.join()
        self.socket.close()

    def take(self, folder, signers, others=()):
        """The zone as these keys sign it, with the other keys beside them."""
        plain, signed = folder / "zone", folder / "zone.signed"
        plain.write_text(PLAIN + "".join(record(k) for k in others))
        subprocess.run(["ldns-signzone", "-o", ZONE, "-f", signed, plain, *signers], check=True, capture_output=True)
        self.zone = dns.zone.from_file(str(signed), origin=ZONE, relativize=False)

    def run(self):
        while not self.over:
            with contextlib.suppress(TimeoutError):
                data, peer = self.socket.recvfrom(4096)
                self.socket.sendto(self.reply(dns.message.from_wire(data)).to_wire(), peer)

    def find(self, name, rdtype):
        """A set and its signatures; nothing when it is not there."""
        found = [self.zone.get_rrset(name, rdtype), self.zone.get_rrset(name, dns.rdatatype.RRSIG, rdtype)]
        return [rrset for rrset in found if rrset]

    def reply(self, query):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer = self.find(query.question[0].name, query.question[0].rdtype)
        if not reply.answer:
            reply.authority = self.find(self.zone.origin, dns.rdatatype.SOA)
        return reply


@pytest.fixture(name="server")
def _server(lab):
    assert lab is not None
    server = Server()
    server.start()
    yield server
    server.close()


def set_back(folder, number=None):
    """The next probe is due at once; a key's state is older by a month."""
    text = re.sub(r"(;;next_probe_time: )\d+", r"\g<1>1", (folder / "anchors").read_text())
    if number is not None:
        text, count = re.subn(rf"(id = {number}\}}.*lastchange=)(\d+)", lambda m: f"{m[1]}{int(m[2]) - MONTH}", text)
        assert count == 1, text
    (folder / "anchors").write_text(text)


def is_proven():
    return bool(ask("www." + ZONE, "A", want_dnssec=True).flags & dns.flags.AD)


def await_proven():
    """The workers take a new generation each in its own time."""
    end = time.monotonic() + 10
    while not is_proven():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(1.1)  # what is bogus is kept for a second


@pytest.mark.parametrize("threads", [1, 2])
def test_a_new_key_is_trusted_after_its_time_and_the_old_one_ends(tmp_path, lab, server, threads):
    old, new = new_key(tmp_path), new_key(tmp_path)
    (tmp_path / "configured").write_text(record(old))
    config = CONFIG.format(threads=threads, folder=tmp_path)

    server.take(tmp_path, [old])
    with Daemon(tmp_path, config, lab) as daemon:
        daemon.wait_log(f"trust_anchor zone={ZONE} key={tag(old)} from=START state=VALID")
        assert is_proven()
        assert daemon.stop() == 0

    server.take(tmp_path, [old], [new])
    set_back(tmp_path)
    with Daemon(tmp_path, config, lab) as daemon:
        daemon.wait_log(f"trust_anchor zone={ZONE} key={tag(new)} from=START state=ADDPEND")
        assert f"key={tag(old)} " not in daemon.log()  # nothing is new about it
        assert is_proven()
        assert daemon.stop() == 0

    # While it waits it proves nothing.
    server.take(tmp_path, [new])
    with Daemon(tmp_path, config, lab) as daemon:
        assert not is_proven()
        assert daemon.stop() == 0

    server.take(tmp_path, [old], [new])
    set_back(tmp_path, tag(new))
    with Daemon(tmp_path, config, lab) as daemon:
        daemon.wait_log(f"trust_anchor zone={ZONE} key={tag(new)} from=ADDPEND state=VALID")
        # What was found out holds in all workers without a restart.
        server.take(tmp_path, [new])
        await_proven()
        assert daemon.stop() == 0

    revoked = revoke(old)
    server.take(tmp_path, [revoked, new])
    set_back(tmp_path)
    with Daemon(tmp_path, config, lab) as daemon:
        daemon.wait_log(f"trust_anchor zone={ZONE} key={tag(revoked)} from=VALID state=REVOKED")
        assert is_proven()
        assert daemon.stop() == 0

    server.take(tmp_path, [old])
    with Daemon(tmp_path, config, lab) as daemon:
        assert not is_proven()  # though it is still the configured one
        assert daemon.stop() == 0
    server.take(tmp_path, [new])
    with Daemon(tmp_path, config, lab) as daemon:
        assert is_proven()
        assert daemon.stop() == 0

    said = subprocess.run([binary(), "-c", tmp_path / "nuthatch.yaml", "--check-anchor"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said
    assert f"key {tag(new)}, algorithm 15, digest type 2; VALID since " in said.stdout
    assert f"key {tag(revoked)}  REVOKED since " in said.stdout


def test_a_new_anchor_helps_after_a_reload_when_all_keys_have_changed(tmp_path, lab, server):
    old, new = new_key(tmp_path), new_key(tmp_path)
    (tmp_path / "configured").write_text(record(old))
    server.take(tmp_path, [old])
    with Daemon(tmp_path, CONFIG.format(threads=1, folder=tmp_path), lab) as daemon:
        daemon.wait_log("state=VALID")
        server.take(tmp_path, [new])
        assert not (tmp_path / "anchors").read_text().count(f"id = {tag(new)}}}")
        (tmp_path / "configured").write_text(record(new))
        daemon.reload()
        await_proven()
        assert daemon.stop() == 0
    set_back(tmp_path)
    with Daemon(tmp_path, CONFIG.format(threads=1, folder=tmp_path), lab) as daemon:
        daemon.wait_log(f"key={tag(new)} from=START state=VALID")
        assert f"key={tag(old)} from=VALID state=MISSING" in daemon.log()
        assert is_proven()
        assert daemon.stop() == 0


def test_a_zone_that_a_reload_brings_is_followed(tmp_path, lab, server):
    key = new_key(tmp_path)
    (tmp_path / "configured").write_text(pathlib.Path(os.environ["NUTHATCH_LAB_ANCHOR"]).read_text())
    server.take(tmp_path, [key])
    with Daemon(tmp_path, CONFIG.format(threads=1, folder=tmp_path), lab) as daemon:
        daemon.wait_log("trust_anchor zone=. ")
        (tmp_path / "configured").write_text(record(key))
        daemon.reload()
        daemon.wait_log(f"trust_anchor zone={ZONE} key={tag(key)} from=START state=VALID", timeout=5)
        assert is_proven()
        assert daemon.stop() == 0
