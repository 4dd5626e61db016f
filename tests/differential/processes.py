"""The processes of a run: NSDs, the odd servers, the resolvers. Each is a child of ours with a folder of its own.

All live in a network namespace in which every address is local (scripts/differential makes it).
"""

import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

import wire

HERE = pathlib.Path(__file__).resolve().parent
START_S = 20
STOP_S = 5

NSD = """server:
{addresses}
    port: 53
    ip-freebind: yes
    server-count: 1
    tcp-count: 1000
    username: ""
    database: ""
    zonesdir: "{zones}"
    zonelistfile: "{dir}/zone.list"
    xfrdfile: "{dir}/xfrd.state"
    xfrdir: "{dir}"
    pidfile: "{dir}/nsd.pid"
    logfile: "{dir}/nsd.log"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    minimal-responses: no
remote-control:
    control-enable: no
"""

NUTHATCH = """
server:
  listen: ["{address}@53"]
  threads: 1
access:
  allow: ["10.0.0.0/8"]
cache:
  size: 400m
work:
  source-queries: 100000  # all questions come from one address
  source-repeats: 100000
  held-answers: 100000
resolver:
  root-hints: {hints}
dnssec:
  {validation}
log:
  level: notice
"""

UNBOUND = """server:
    interface: {address}
    port: 53
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{dir}"
    pidfile: "{dir}/unbound.pid"
    use-syslog: no
    logfile: ""
    verbosity: 0
    access-control: 10.0.0.0/8 allow
    {validation}
    root-hints: "{hints}"
    num-threads: 1
    outgoing-range: 4000
    num-queries-per-thread: 2000
    rrset-cache-size: 200m
    msg-cache-size: 100m
    so-rcvbuf: 0
remote-control:
    control-enable: no
"""

KNOT = """
net.listen('{address}', 53, {{ kind = 'dns' }})
modules.load('hints')
cache.size = 400 * MB
hints.root_file('{hints}')
{validation}
for _, name in ipairs({{'ta_update', 'ta_signal_query', 'ta_sentinel', 'detect_time_skew', 'detect_time_jump'}}) do
    modules.unload(name)
end
"""

NAMED = """options {{
    directory "{dir}";
    pid-file none;
    session-keyfile none;
    lock-file none;
    listen-on port 53 {{ {address}; }};
    listen-on-v6 {{ none; }};
    allow-query {{ any; }};
    recursion yes;
    {validation};
    empty-zones-enable no;
    minimal-responses yes;
    max-cache-size 400m;
    recursive-clients 10000;
    querylog no;
}};
controls {{ }};
{anchors}
zone "." {{ type hint; file "{hints}"; }};
"""

# Name, address, configuration's file and text, command.
RESOLVERS = {
    "nuthatch": ("10.53.0.1", "nuthatch.yaml", NUTHATCH, ["{nuthatchd}", "-c", "{file}"]),
    "unbound": ("10.53.0.2", "unbound.conf", UNBOUND, ["unbound", "-d", "-p", "-c", "{file}"]),
    "knot": ("10.53.0.3", "kresd.conf", KNOT, ["kresd", "-n", "-c", "{file}", "{dir}"]),
    "named": ("10.53.0.4", "named.conf", NAMED, ["named", "-g", "-n", "1", "-c", "{file}"]),
}
# Without and with: {validation} of the texts, and for named, who wants the anchors elsewhere, {anchors}.
VALIDATION = {
    "nuthatch": ("validate: false", "{{trust-anchors: {file}, anchor-state: ''}}"),
    "unbound": ('module-config: "iterator"', 'module-config: "validator iterator"\n    trust-anchor-file: "{file}"'),
    "knot": ("trust_anchors.remove('.')", "trust_anchors.add_file('{file}', true)"),
    "named": ("dnssec-validation no", "dnssec-validation yes"),
}
OURS, PEERS = "nuthatch", ("unbound", "knot", "named")


class Process:
    def __init__(self, name, command, folder):
        self.name, self.log = name, folder / f"{name}.out"
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          cwd=folder)

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def exchange(address, name, kind, seconds):
    """One question to an address; the reply or None."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        try:
            s.connect((address, 53))
            s.send(wire.query(7, wire.Question(name, kind)))
            return s.recv(65535)
        except OSError:
            return None


def await_answer(process, address, name, kind):
    """Until the process answers with NOERROR there."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.alive():
        reply = exchange(address, name, kind, 1)
        if reply and not struct.unpack_from("!H", reply, 2)[0] & 15:
            return
        time.sleep(0.1)
    tail = process.log.read_text(errors="replace")[-2000:]
    sys.exit(f"differential: {process.name} does not answer at {address}: see {process.log}\n{tail}")


class Authorities:
    """Everything that is asked by the resolvers."""

    def __init__(self, world, folder):
        self.processes, self.odd = [], None
        try:
            self.start(world, folder)
        except BaseException:
            self.stop()
            raise

    def start(self, world, folder):
        for group, addresses in world.groups.items():
            zones = [z for z in world.zones.values() if group in z.groups]
            if zones:
                self.start_nsd(folder, group, addresses, zones)
        for process, address, zone in self.processes:
            await_answer(process, address, zone, wire.SOA)
        if world.odd_addresses:
            self.odd = Process("odd", ["/usr/bin/python3", HERE / "odd.py", folder / "odd.json"], folder)
            self.await_odd()
        for log in sorted(folder.glob("nsd-*/nsd.log")):
            bad = [line for line in log.read_text(errors="replace").splitlines() if " error: " in line]
            if bad:
                sys.exit(f"differential: NSD does not take a zone: {bad[0]}")

    def start_nsd(self, folder, group, addresses, zones):
        home = folder / f"nsd-{group}"
        home.mkdir(exist_ok=True)
        text = NSD.format(addresses="\n".join(f"    ip-address: {a}" for a in addresses), zones=folder / "zones",
                          dir=home)
        for zone in zones:
            file = "root" if zone.name == "." else f"{zone.name}zone"
            text += f'zone:\n    name: "{zone.name}"\n    zonefile: "{file}"\n'
        (home / "nsd.conf").write_text(text, encoding="ascii")
        process = Process(f"nsd-{group}", ["nsd", "-d", "-c", home / "nsd.conf"], folder)
        self.processes.append((process, addresses[0], zones[-1].name))

    def await_odd(self):
        end = time.monotonic() + START_S
        while "ready" not in self.odd.log.read_text():
            if time.monotonic() > end or not self.odd.alive():
                sys.exit(f"differential: the odd servers do not start: see {self.odd.log}")
            time.sleep(0.1)

    def all(self):
        return [process for process, *_ in self.processes] + ([self.odd] if self.odd else [])

    def stop(self):
        for process in self.all():
            process.signal(signal.SIGTERM)
        for process in self.all():
            process.stop()


class Resolver:
    """`anchor`: the root's DS record, or None for no validation."""

    def __init__(self, name, folder, anchor):
        self.name, self.folder = name, folder / name
        self.address, file, text, command = RESOLVERS[name]
        self.folder.mkdir(exist_ok=True)
        places = {"address": self.address, "dir": self.folder, "hints": folder / "root.hints",
                  "file": self.folder / file, "nuthatchd": os.environ["NUTHATCHD"]}
        tag, algorithm, kind, digest = anchor.split() if anchor else [""] * 4
        places["validation"] = VALIDATION[name][anchor is not None].format(file=folder / "root.key")
        places["anchors"] = (f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};' if anchor else "")
        (self.folder / file).write_text(text.format(**places), encoding="ascii")
        self.process = Process(name, [c.format(**places) for c in command], self.folder)

    def await_start(self):
        await_answer(self.process, self.address, ".", 2)

    def stop(self):
        self.process.stop()
