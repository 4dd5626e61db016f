#!/usr/bin/python3
"""Name servers that do what no good one would: one behaviour for each address.

    odd.py PLAN     PLAN: JSON of {"addresses": {address: behaviour}, "silent": [addresses], "zones": {zone: {owner:
                    {type: [rdata in hex]}}}}, names in presentation form, lower case

Prints "ready" when all sockets are open. Behaviours are the functions named in BEHAVIOURS; what they bend is the
answer that a good server would give from the zones.
"""

import asyncio
import json
import socket
import struct
import sys

import wire

IPV6_FREEBIND = 78  # Linux; Python does not name it
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
LATE_S = 0.3
AA, TC, QR = 0x0400, 0x0200, 0x8000
TTL = 300
SOA_TAIL = b"\0" + struct.pack("!5I", 1, 3600, 600, 86400, 300)


class Reply:
    """What will be sent; a behaviour changes it."""

    def __init__(self, name, kind, zone):
        self.name, self.kind, self.zone = name, kind, zone
        self.rcode, self.flags, self.ttl = NOERROR, AA, TTL
        self.answer, self.authority, self.additional = [], [], []
        self.question = True


def record(owner, kind, rdata, ttl):
    return wire.name_wire(owner) + struct.pack("!2HIH", kind, 1, ttl, len(rdata)) + rdata


def above(name):
    """The names above, the nearest first."""
    labels = wire.labels_of(name)
    for n in range(1, len(labels) + 1):
        yield wire.name_text(labels[n:])


class Zones:
    def __init__(self, plan):
        self.zones = {}
        for zone, owners in plan["zones"].items():
            self.zones[zone] = {owner: {int(kind): [bytes.fromhex(r) for r in rdatas] for kind, rdatas in types.items()}
                                for owner, types in owners.items()}
        self.inner = {name for zone, owners in self.zones.items() for owner in owners for name in above(owner)
                      if name.endswith("." + zone)}

    def find(self, name):
        for candidate in (name, *above(name)):
            if candidate in self.zones:
                return candidate
        return None

    def answer(self, name, kind):
        """As a good server would, aliases followed within the zone."""
        zone = self.find(name)
        reply = Reply(name, kind, zone)
        owners, at = self.zones.get(zone, {}), name
        for _ in range(8):
            types = owners.get(at, {})
            if kind in types:
                reply.answer += [(at, kind, r) for r in types[kind]]
                return reply
            step = self.alias(owners, at, reply)
            if step and kind == wire.CNAME:
                return reply
            if not step:
                break
            at = step
            if self.find(at) != zone:
                return reply
        reply.rcode = NOERROR if at in owners or at in self.inner else NXDOMAIN
        reply.authority = [(zone or ".", wire.SOA, wire.name_wire("ns." + (zone or "")) + SOA_TAIL)]
        return reply

    @staticmethod
    def alias(owners, at, reply):
        if wire.CNAME in owners.get(at, {}):
            target = owners[at][wire.CNAME][0]
            reply.answer.append((at, wire.CNAME, target))
            return wire.name_text(wire.wire_labels(target)).lower()
        for upper in above(at):
            if wire.DNAME in owners.get(upper, {}):
                target = owners[upper][wire.DNAME][0]
                head = wire.name_wire(at)[:-len(wire.name_wire(upper))]
                if len(head + target) > 255:
                    return None
                reply.answer += [(upper, wire.DNAME, target), (at, wire.CNAME, head + target)]
                return wire.name_text(wire.wire_labels(head + target)).lower()
        return None


# ---- Behaviours: each takes the good reply and the query's marks, and gives what is sent, or None ------------------


def rcode(code):
    def behave(reply, _):
        reply.rcode, reply.flags = code, 0
        reply.answer, reply.authority = [], []
        return reply
    return behave


def empty(reply, _):
    reply.rcode, reply.flags, reply.answer, reply.authority = NOERROR, 0, [], []
    return reply


def empty_with_authority(reply, _):
    reply.rcode, reply.answer, reply.authority = NOERROR, [], []
    return reply


def upward(reply, _):
    reply.rcode, reply.flags, reply.answer = NOERROR, 0, []
    reply.authority = [(".", 2, wire.name_wire("a.roots."))]
    return reply


def to_itself(reply, _):
    reply.rcode, reply.flags, reply.answer = NOERROR, 0, []
    reply.authority = [(reply.zone or ".", 2, wire.name_wire("ns1." + (reply.zone or "")))]
    return reply


def formerr_on_edns(reply, marks):
    if marks["edns"]:
        reply.rcode, reply.flags, reply.answer, reply.authority = FORMERR, 0, [], []
    return reply


def silent_on_edns(reply, marks):
    return None if marks["edns"] else reply


def not_authoritative(reply, _):
    reply.flags = 0
    return reply


def nxdomain_on_inner(reply, marks):
    if reply.rcode == NOERROR and not reply.answer and reply.name in marks["inner"]:
        reply.rcode = NXDOMAIN
    return reply


def without_soa(reply, _):
    reply.authority = []
    return reply


def data_beside_alias(reply, _):
    for owner, kind, _ in list(reply.answer):
        if kind == wire.CNAME and reply.kind != wire.CNAME:
            reply.answer.insert(0, (owner, 16, b"\x06beside"))
            reply.answer.insert(0, (owner, 1, b"\x06\x06\x06\x06"))
            break
    return reply


def foreign_target(reply, _):
    """Claims to know where an alias out of the zone ends."""
    if reply.answer and reply.answer[-1][1] == wire.CNAME and reply.kind == 1:
        target = wire.name_text(wire.wire_labels(reply.answer[-1][2]))
        if not ("." + target.lower()).endswith("." + reply.zone):
            reply.answer.append((target, 1, b"\x06\x06\x06\x06"))
    return reply


def foreign_authority(reply, _):
    reply.authority.append((".", 2, wire.name_wire("evil." + (reply.zone or ""))))
    reply.additional.append(("a.roots.", 1, b"\x06\x06\x06\x06"))
    return reply


def lower_case(reply, marks):
    marks["lower"] = True
    return reply


def tcp_only(reply, marks):
    if not marks["tcp"]:
        reply.flags |= TC
        reply.answer, reply.authority = [], []
    return reply


def udp_cut_tcp_dead(reply, marks):
    return None if marks["tcp"] else tcp_only(reply, marks)


def dname_alone(reply, _):
    owners = [o for o, kind, _ in reply.answer if kind == wire.DNAME]
    if owners:
        reply.answer = [r for r in reply.answer if r[1] == wire.DNAME]
        reply.rcode, reply.authority = NOERROR, []
    return reply


def two_aliases(reply, _):
    if reply.answer and reply.answer[0][1] == wire.CNAME:
        reply.answer.insert(1, (reply.answer[0][0], wire.CNAME, wire.name_wire("www." + reply.zone)))
    return reply


def without_question(reply, _):
    reply.question = False
    return reply


def huge_ttl(reply, _):
    reply.ttl = 0x80000001
    return reply


def other_type(reply, _):
    if reply.kind == 28:
        reply.answer = [(reply.name, 1, b"\x06\x06\x06\x06")]
        reply.rcode, reply.authority = NOERROR, []
    return reply


def soa_of_parent(reply, _):
    reply.authority = [(next(above(reply.zone or "x.")), kind, r) if kind == wire.SOA else (o, kind, r)
                       for o, kind, r in reply.authority]
    return reply


def twice(reply, _):
    reply.answer = [r for r in reply.answer for _ in range(2)]
    return reply


def backwards(reply, _):
    """The alias chain in the wrong order."""
    reply.answer.reverse()
    return reply


def only_address(reply, _):
    """Any type that exists not: SERVFAIL instead of an empty answer, as some load balancers do."""
    if reply.kind not in (1, 28) and not reply.answer:
        reply.rcode, reply.authority = SERVFAIL, []
    return reply


def refuses_probes(reply, _):
    """NOTIMP to NS, as some load balancers do."""
    if reply.kind in (2, 6):
        reply.rcode, reply.answer, reply.authority, reply.flags = NOTIMP, [], [], 0
    return reply


def denies_foreign_target(reply, _):
    """NXDOMAIN beside an alias out of the zone, of which it can know nothing."""
    if reply.answer and reply.answer[-1][1] == wire.CNAME and not reply.authority:
        reply.rcode = NXDOMAIN
    return reply


def apex_alias(reply, _):
    """An alias at the apex, beside SOA and NS."""
    if reply.name == reply.zone and reply.kind not in (2, wire.SOA):
        reply.answer = [(reply.name, wire.CNAME, wire.name_wire("www." + reply.zone))]
        reply.authority = []
    return reply


def answer_in_authority(reply, _):
    reply.answer, reply.authority = [], reply.answer or reply.authority
    return reply


def upward_with_authority(reply, _):
    reply = upward(reply, _)
    reply.flags = AA
    return reply


def own_ns_beside_denial(reply, _):
    """No SOA but the zone's NS set, as some did before RFC 2308."""
    if reply.authority:
        reply.authority = [(reply.zone or ".", 2, wire.name_wire("ns1." + (reply.zone or "")))]
    return reply


def cut_in_half(reply, marks):
    """TC and half of the records over UDP."""
    if not marks["tcp"] and len(reply.answer) > 1:
        reply.flags |= TC
        reply.answer = reply.answer[:len(reply.answer) // 2]
    return reply


def refuses_ipv6(reply, _):
    if reply.kind == 28:
        reply.rcode, reply.answer, reply.authority, reply.flags = REFUSED, [], [], 0
    return reply


def late(reply, marks):
    marks["late"] = True
    return reply


BEHAVIOURS = {
    "servfail": rcode(SERVFAIL), "notimp": rcode(NOTIMP), "formerr": rcode(FORMERR), "nxdomain": rcode(NXDOMAIN),
    "empty": empty, "empty_with_authority": empty_with_authority, "upward": upward, "to_itself": to_itself,
    "formerr_on_edns": formerr_on_edns, "silent_on_edns": silent_on_edns, "not_authoritative": not_authoritative,
    "nxdomain_on_inner": nxdomain_on_inner, "without_soa": without_soa, "data_beside_alias": data_beside_alias,
    "foreign_target": foreign_target, "foreign_authority": foreign_authority, "lower_case": lower_case,
    "tcp_only": tcp_only, "udp_cut_tcp_dead": udp_cut_tcp_dead, "dname_alone": dname_alone,
    "two_aliases": two_aliases, "without_question": without_question, "huge_ttl": huge_ttl,
    "other_type": other_type, "soa_of_parent": soa_of_parent, "twice": twice, "backwards": backwards,
    "denies_foreign_target": denies_foreign_target, "apex_alias": apex_alias,
    "answer_in_authority": answer_in_authority, "upward_with_authority": upward_with_authority,
    "own_ns_beside_denial": own_ns_beside_denial, "cut_in_half": cut_in_half, "refuses_ipv6": refuses_ipv6,
    "late": late, "only_address": only_address, "refuses_probes": refuses_probes,
}


# ---- Serving -----------------------------------------------------------------------------------------------------


def written(reply, message, end, marks):
    """The octets of the reply."""
    question = message[12:end]
    if marks.get("lower"):
        question = question[:-4].lower() + question[-4:]
    opt = b"\0" + struct.pack("!2HIH", wire.OPT, 1232, 0, 0) if marks["edns"] and reply.rcode != FORMERR else b""
    sections = (reply.answer, reply.authority, reply.additional)
    head = message[:2] + struct.pack("!5H", QR | reply.flags | reply.rcode, reply.question, *map(len, sections))
    head = head[:10] + struct.pack("!H", len(reply.additional) + bool(opt))
    records = b"".join(record(*r, reply.ttl) for section in sections for r in section)
    return head + (question if reply.question else b"") + records + opt


class Servers:
    def __init__(self, plan):
        self.zones = Zones(plan)

    def reply(self, message, behaviour, tcp):
        try:
            name, end = wire.read_name(message, 12)
            kind = struct.unpack_from("!H", message, end)[0]
        except (IndexError, ValueError, struct.error):
            return None, False
        good = self.zones.answer(wire.name_text(wire.wire_labels(name)), kind)
        marks = {"edns": message[11] > 0, "tcp": tcp, "inner": self.zones.inner}
        reply = BEHAVIOURS[behaviour](good, marks)
        return written(reply, message, end + 4, marks) if reply else None, "late" in marks

    def on_datagram(self, sock, behaviour):
        for _ in range(32):
            try:
                message, peer = sock.recvfrom(4096)
            except BlockingIOError:
                return
            out, wait = self.reply(message, behaviour, False)
            if out and wait:
                asyncio.get_running_loop().call_later(LATE_S, self.send, sock, out, peer)
            elif out:
                self.send(sock, out, peer)

    @staticmethod
    def send(sock, out, peer):
        try:
            sock.sendto(out, peer)
        except OSError:
            pass

    async def on_connection(self, behaviour, reader, writer):
        try:
            while True:
                size = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), 10))[0]
                out, _ = self.reply(await asyncio.wait_for(reader.readexactly(size), 10), behaviour, True)
                if not out:
                    break
                writer.write(struct.pack("!H", len(out)) + out)
        except (OSError, EOFError, TimeoutError, asyncio.TimeoutError):
            pass
        writer.close()


def open_socket(address, kind):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    s.bind((address, 53))
    s.setblocking(False)
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    return s


async def serve(plan):
    servers, loop, held = Servers(plan), asyncio.get_running_loop(), []
    for address in plan["silent"]:
        held += [open_socket(address, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    for address, behaviour in plan["addresses"].items():
        udp = open_socket(address, socket.SOCK_DGRAM)
        loop.add_reader(udp, servers.on_datagram, udp, behaviour)
        held.append(udp)
        held.append(await asyncio.start_server(lambda r, w, b=behaviour: servers.on_connection(b, r, w),
                                               sock=open_socket(address, socket.SOCK_STREAM)))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        asyncio.run(serve(json.load(file)))
