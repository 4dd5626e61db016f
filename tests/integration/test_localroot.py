"""The local copy of the root zone: fetched, kept, renewed, refused and given up, before a real primary (NSD)."""

import contextlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest

from ask import ask
from daemon import Daemon

PRIMARY = "203.0.113.78"
NOBODY = "203.0.113.79"
SERIAL = 2026110100
PLAIN = """$ORIGIN .
$TTL 60
. SOA ns.root-test. host. {serial} 2 2 {expire} 60
. NS ns.root-test.
ns.root-test. A {primary}
cut. NS ns.cut.
ns.cut. A 192.0.2.1
{names}
"""
NSD = """server:
    ip-address: {primary}
    port: 53
    ip-freebind: yes
    server-count: 1
    username: ""
    database: ""
    zonesdir: "{folder}"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    logfile: "{folder}/nsd.log"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "{folder}/root.signed"
    provide-xfr: 0.0.0.0/0 NOKEY
"""
CONFIG = """server:
  listen: [127.0.0.1@53]
  threads: {threads}
resolver:
  root-hints: {folder}/hints
dnssec:
  trust-anchors: {folder}/anchor
  signal-anchors: no
control:
  socket: {folder}/control
log:
  level: info
local-root:
{local_root}
"""
GLUE = ("\tA\t192.0.2.1", "\tA\t192.0.2.2")
TRANSFER = f"  transfer: [{PRIMARY}]"


class Root:
    """A root zone of our own with its keys, and the name server that has it."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        done = subprocess.run(["ldns-keygen", "-k", "-a", "ED25519", "."], cwd=folder, capture_output=True, text=True, check=True)
        self.key = folder / done.stdout.strip()
        (folder / "anchor").write_text(pathlib.Path(f"{self.key}.key").read_text())
        (folder / "hints").write_text(f". 3600 NS ns.root-test.\nns.root-test. 3600 A {PRIMARY}\n")
        (folder / "nsd.conf").write_text(NSD.format(primary=PRIMARY, folder=folder))
        self.signed = folder / "root.signed"

    def publish(self, serial, *names, expire=3600, spoil=None):
        """The zone with these names, signed and digested; then `spoil` is replaced in it."""
        records = "\n".join(f'{name}. TXT "{serial}"' for name in names)
        plain = self.folder / "root"
        plain.write_text(PLAIN.format(serial=serial, expire=expire, primary=PRIMARY, names=records))
        subprocess.run(["ldns-signzone", "-o", ".", "-z", "simple:sha384", "-f", self.folder / "new", plain, self.key],
                       check=True, capture_output=True)
        text = (self.folder / "new").read_text()
        if spoil:
            assert text.count(spoil[0]) == 1, text
            text = text.replace(*spoil)
        (self.folder / "new").write_text(text)
        # NSD sees by the time of a file whether it has changed, in whole seconds.
        if self.signed.exists():
            before = self.signed.stat().st_mtime
            os.utime(self.folder / "new", (before + 1, before + 1))
        os.replace(self.folder / "new", self.signed)
        if self.process:
            subprocess.run(["kill", "-HUP", str(self.process.pid)], check=True)
            self.await_serial(serial)

    def await_serial(self, serial):
        end = time.monotonic() + 15
        while True:
            said = subprocess.run(["dig", "+norec", "+short", "+time=1", "+tries=1", f"@{PRIMARY}", ".", "SOA"],
                                  capture_output=True, text=True, check=False).stdout
            if f" {serial} " in said:
                return
            assert time.monotonic() < end, (said, (self.folder / "nsd.log").read_text())
            time.sleep(0.1)

    def serve(self, serial):
        self.process = subprocess.Popen(["nsd", "-d", "-c", str(self.folder / "nsd.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_serial(serial)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None


@pytest.fixture(name="root")
def _root(lab, tmp_path):
    assert lab is not None
    root = Root(tmp_path)
    root.publish(SERIAL, "first")
    yield root
    root.stop()


def config(root, local_root):
    return CONFIG.format(folder=root.folder, local_root=local_root, threads=os.environ.get("NUTHATCH_THREADS", "1"))


def is_proven(name, rcode="NOERROR"):
    answer = ask(name, "TXT", want_dnssec=True)
    assert not answer.flags & dns.flags.AA
    return dns.rcode.to_text(answer.rcode()) == rcode and bool(answer.flags & dns.flags.AD)


def messages(daemon):
    """Sent to servers, and answered by the copy instead."""
    figures = daemon.figures()
    return figures["upstream_udp"] + figures["upstream_tcp"], figures["local_root"]


def tool(folder, *words):
    """What the operator's tool says."""
    binary = pathlib.Path(os.environ["NUTHATCHD"]).with_name("nuthatch")
    done = subprocess.run([binary, "-s", folder / "control", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout


def copy_of(log):
    """The serials of the copies that were taken."""
    return [int(serial) for serial in re.findall(r" local_root serial=(\d+) ", log)]


def test_a_copy_is_fetched_and_nothing_is_asked_of_the_root(tmp_path, lab, root):
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, TRANSFER), lab) as daemon:
        daemon.wait_log(" local_root serial=")
        assert is_proven("first.")
        for n in range(20):
            assert is_proven(f"junk-{n}.", "NXDOMAIN")
        sent, copied = messages(daemon)
        assert sent == 0 and copied >= 3  # priming, the keys, a denial that serves for others
        assert daemon.stop() == 0


def test_a_newer_zone_takes_its_place(tmp_path, lab, root):
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, TRANSFER), lab) as daemon:
        daemon.wait_log(f" local_root serial={SERIAL} ")
        daemon.wait_log(f" local_root_checked serial={SERIAL}")
        root.publish(SERIAL + 1, "second")
        daemon.wait_log(f" local_root serial={SERIAL + 1} ")
        assert is_proven("second.")
        assert copy_of(daemon.log()) == [SERIAL, SERIAL + 1]
        assert messages(daemon)[0] == 0
        said = tool(tmp_path, "status")
        assert re.search(rf"local_root +serial {SERIAL + 1}, holds for 3[56]\d\d s\n", said), said
        said = tool(tmp_path, "trace", "second.", "TXT")
        assert "second. TXT?  the local root [., 0 ms]: the answer" in said, said
        assert "cost: 0 messages to servers" in said, said
        assert daemon.stop() == 0


def test_a_zone_that_was_changed_on_its_way_is_refused_and_the_old_one_goes_on_until_it_expires(tmp_path, lab, root):
    root.publish(SERIAL, "first", expire=7)
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, TRANSFER), lab) as daemon:
        daemon.wait_log(f" local_root serial={SERIAL} ")
        # An address that nobody signs: the digest alone tells.
        root.publish(SERIAL + 1, "second", spoil=GLUE)
        log = daemon.wait_log(" local_root_refused ")
        assert "its content is not what its ZONEMD record says" in log, log
        assert is_proven("first.")
        assert messages(daemon)[0] == 0
        log = daemon.wait_log(" local_root_expired ", timeout=15)
        assert copy_of(log) == [SERIAL]
        # Now the servers are asked; what they say of the new zone is signed.
        assert is_proven("second.")
        assert messages(daemon)[0] > 0
        root.publish(SERIAL + 2, "third")
        daemon.wait_log(f" local_root serial={SERIAL + 2} ")
        assert is_proven("third.")
        assert daemon.stop() == 0


def test_a_zone_that_stays_the_same_does_not_expire(tmp_path, lab, root):
    kept = tmp_path / "kept"
    root.publish(SERIAL, "first", expire=4)
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, f"{TRANSFER}\n  file: {kept}"), lab) as daemon:
        daemon.wait_log(f" local_root serial={SERIAL} ")
        written = kept.stat().st_mtime
        log = daemon.wait_log(" local_root_checked ", count=3)
        assert " local_root_expired " not in log and copy_of(log) == [SERIAL], log
        assert kept.stat().st_mtime > written + 3  # nor does the file, for the next run
        assert is_proven("first.")
        assert messages(daemon)[0] == 0
        assert daemon.stop() == 0


class Player(threading.Thread):
    """Stands in for the primary: says that its zone is of this serial, and gives away the one in the file."""

    def __init__(self, serial, file):
        super().__init__(daemon=True)
        zone = dns.zone.from_file(str(file), origin=".", relativize=False)
        sets = [dns.rrset.from_rdata_list(name, s.ttl, list(s)) for name, node in zone.items() for s in node]
        self.soa = next(s for s in sets if s.rdtype == dns.rdatatype.SOA)
        self.sets = [self.soa, *(s for s in sets if s is not self.soa), self.soa]
        self.claim = dns.rrset.from_rdata_list(self.soa.name, 60, [self.soa[0].replace(serial=serial)])
        self.socket = socket.create_server((PRIMARY, 53))

    def run(self):
        with contextlib.suppress(OSError, struct.error):
            while True:
                peer, _ = self.socket.accept()
                with peer, contextlib.suppress(struct.error):
                    while True:
                        self.answer(peer)

    def answer(self, peer):
        size, = struct.unpack("!H", peer.recv(2, socket.MSG_WAITALL))
        reply = dns.message.make_response(dns.message.from_wire(peer.recv(size, socket.MSG_WAITALL)))
        reply.flags |= dns.flags.AA
        reply.answer = self.sets if reply.question[0].rdtype == dns.rdatatype.AXFR else [self.claim]
        wire = reply.to_wire(max_size=65535)
        peer.sendall(struct.pack("!H", len(wire)) + wire)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()


@pytest.mark.parametrize("claims,says", [
    (SERIAL + 9, f"it is older than what is held: serial {SERIAL}"),
    (SERIAL, f"its zone is older than ours: serial {SERIAL}"),
])
def test_an_old_zone_that_is_played_again_is_refused(tmp_path, lab, root, claims, says):
    old = tmp_path / "old"
    old.write_text(root.signed.read_text())
    root.publish(SERIAL + 1, "second")
    root.serve(SERIAL + 1)
    with Daemon(tmp_path, config(root, TRANSFER), lab) as daemon:
        daemon.wait_log(f" local_root serial={SERIAL + 1} ")
        root.stop()
        player = Player(claims, old)
        player.start()
        daemon.wait_log(says)
        assert is_proven("second.")
        assert copy_of(daemon.log()) == [SERIAL + 1]
        player.close()
        assert daemon.stop() == 0


def test_a_zone_of_other_keys_is_refused(tmp_path, lab, root):
    root.serve(SERIAL)
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "anchor").write_text(pathlib.Path(f"{Root(other).key}.key").read_text())
    with Daemon(tmp_path, config(root, TRANSFER), lab) as daemon:
        log = daemon.wait_log(" local_root_refused ")
        assert "its keys are not proven by the trust anchor" in log, log
        assert daemon.stop() == 0


def test_without_a_primary_the_root_servers_are_asked(tmp_path, lab, root):
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, f"  transfer: [{NOBODY}]"), lab) as daemon:
        assert is_proven("first.")
        assert messages(daemon)[0] > 0
        daemon.wait_log(f" local_root_not_fetched from={NOBODY}:53 ")
        # The next of them has it.
        daemon.reload(config(root, f"  transfer: [{NOBODY}, {PRIMARY}]"))
        daemon.wait_log(f" local_root serial={SERIAL} ")
        assert daemon.stop() == 0


def test_a_copy_is_kept_from_one_run_to_the_next(tmp_path, lab, root):
    kept = tmp_path / "kept"
    local_root = f"{TRANSFER}\n  file: {kept}"
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, local_root), lab) as daemon:
        daemon.wait_log(f" local_root serial={SERIAL} ")
        assert daemon.stop() == 0
    root.stop()
    assert kept.stat().st_mode & 0o777 == 0o644 and not (tmp_path / "kept.new").exists()
    # Nobody is there any more, from the first question on.
    with Daemon(tmp_path, config(root, local_root), lab) as daemon:
        assert is_proven("first.")
        assert copy_of(daemon.log()) == [SERIAL]
        daemon.wait_log(" local_root_not_fetched ")
        assert is_proven("junk.", "NXDOMAIN")
        assert messages(daemon)[0] == 0
        assert daemon.stop() == 0
    # It was spoilt meanwhile, and somebody is there again.
    kept.write_text(kept.read_text().replace(*GLUE))
    root.serve(SERIAL)
    with Daemon(tmp_path, config(root, local_root), lab) as daemon:
        log = daemon.wait_log(f" local_root serial={SERIAL} ")
        assert " local_root_refused " in log and f'from="{kept}"' in log, log
        assert daemon.stop() == 0


def test_a_file_that_others_bring_is_read_again_when_it_changes(tmp_path, lab, root):
    with Daemon(tmp_path, config(root, f"  file: {root.signed}"), lab) as daemon:
        assert is_proven("first.")
        root.publish(SERIAL + 1, "second")
        daemon.wait_log(f" local_root serial={SERIAL + 1} ")
        assert is_proven("second.")
        root.signed.write_text("no zone\n")
        log = daemon.wait_log(" local_root_refused ")
        assert f'from="{root.signed}" why="line 1: ' in log, log
        assert is_proven("junk.", "NXDOMAIN")
        assert messages(daemon)[0] == 0
        assert daemon.stop() == 0


def test_a_file_that_is_too_old_is_refused(tmp_path, lab, root):
    past = time.time() - 2 * 3600
    os.utime(root.signed, (past, past))
    with Daemon(tmp_path, config(root, f"  file: {root.signed}"), lab) as daemon:
        log = daemon.log()
        assert "it is 2 hours old, and the zone says that a copy holds for 1: bring a newer one" in log, log
        # Brought anew, it is read at a reload.
        os.utime(root.signed)
        daemon.reload()
        daemon.wait_log(f" local_root serial={SERIAL} ")
        # Without the option the copy is gone.
        daemon.reload(config(root, "").replace("local-root:\n", ""))
        with contextlib.suppress(AssertionError):
            is_proven("junk.")
        assert messages(daemon)[0] > 0
        assert daemon.stop() == 0


def test_a_transfer_that_hangs_does_not_hold_up_the_end(tmp_path, lab, root):
    silent = subprocess.Popen(["/usr/bin/python3", "-c", f"""if 1:
        import socket, time
        s = socket.create_server(("{PRIMARY}", 53))
        print("open", flush=True)
        c, _ = s.accept()
        c.recv(2)
        print("asked", flush=True)
        time.sleep(60)"""], stdout=subprocess.PIPE, text=True)
    try:
        assert silent.stdout.readline() == "open\n"
        with Daemon(tmp_path, config(root, TRANSFER), lab) as daemon:
            assert silent.stdout.readline() == "asked\n"
            # It is back in its loop: of a signal that comes while one thread makes another the thread sanitizer loses some.
            tool(tmp_path, "status")
            begin = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - begin < 3
    finally:
        silent.kill()
        silent.wait()
        silent.stdout.close()


def test_without_validation_there_is_no_local_root(tmp_path, lab, root):
    text = config(root, TRANSFER).replace("signal-anchors: no", "validate: no")
    daemon = Daemon(tmp_path, text, lab, extra=["--check-config"], notify=False)
    daemon.spawn()
    assert daemon.process.wait(timeout=10) == 1
    line = text.split("\n").index(TRANSFER) + 1
    assert f"nuthatch.yaml:{line}:" in daemon.log() and "dnssec.validate is off" in daemon.log(), daemon.log()
