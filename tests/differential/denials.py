"""The denial chain of a zone: NSEC (RFC 4034 §4) or NSEC3 (RFC 5155 §7.1), with the faults that are planned."""

import dataclasses
import hashlib
import struct

import keys
import wire


@dataclasses.dataclass
class Denial:
    """One NSEC or NSEC3 record; the parts may be made wrong before rdata is made of them (faults.py)."""
    owner: bytes
    kind: int
    types: set
    ttl: int
    at: bytes  # the name, or the hash, that it is for
    next: bytes
    cut: bool  # a delegation, seen from above
    head: bytes = b""
    rdata: bytes = b""


def bitmap(types):
    out = b""
    for window in sorted({t >> 8 for t in types}):
        octets = bytearray(32)
        for t in types:
            if t >> 8 == window:
                octets[(t & 255) // 8] |= 0x80 >> (t & 7)
        octets = octets.rstrip(b"\0")
        out += bytes([window, len(octets)]) + bytes(octets)
    return out


def nsec3_hash(name, salt, iterations):
    out = hashlib.sha1(name + salt).digest()
    for _ in range(iterations):
        out = hashlib.sha1(out + salt).digest()
    return out


def chain(signed):
    """The records of the whole zone. NSEC3PARAM, and NSEC for who asks for it, are published on the way."""
    plan = signed.plan
    types = {name: set(kinds) | ({wire.NS} if name in signed.cuts else set()) for name, kinds in signed.authoritative()}
    out = by_nsec3(signed, types) if plan.hashed else by_nsec(signed, types)
    for denial in out:
        if plan.fault.denial:
            plan.fault.denial(denial)
        denial.rdata = denial.head + denial.next + bitmap(denial.types)
    if plan.fault.no_chain:
        out = []
    if not plan.hashed:
        for denial in out:
            signed.zone.published.append((denial.owner, wire.NSEC, denial.rdata))
    return out


def by_nsec(signed, types):
    names = sorted(types, key=wire.rank)
    return [Denial(name, wire.NSEC, types[name] | {wire.NSEC, wire.RRSIG}, signed.negative_ttl(), name,
                   names[(n + 1) % len(names)], name in signed.cuts) for n, name in enumerate(names)]


def by_nsec3(signed, types):
    plan, apex = signed.plan, signed.apex
    head = struct.pack("!BBHB", 1, plan.opt_out, plan.iterations, len(plan.salt)) + plan.salt
    signed.publish(apex, wire.NSEC3PARAM, 0, struct.pack("!BBHB", 1, 0, plan.iterations, len(plan.salt)) + plan.salt)
    types[apex].add(wire.NSEC3PARAM)
    shown = {}
    for name, kinds in types.items():
        for above in wire.parents(name):
            shown.setdefault(above, set())
            if above == apex:
                break
        shown[name] |= kinds | ({wire.RRSIG} if name not in signed.cuts or wire.DS in kinds else set())
    if plan.leaves_out_unsigned:  # the empty names above stay: NSD 4.6 denies DS of no others
        shown = {name: kinds for name, kinds in shown.items() if name not in signed.cuts or wire.DS in kinds}
    hashed = sorted((nsec3_hash(name, plan.salt, plan.iterations), name) for name in shown)
    out = []
    for n, (digest, name) in enumerate(hashed):
        label = keys.base32(digest)
        after = hashed[(n + 1) % len(hashed)][0]
        owner = bytes([len(label)]) + label + apex
        out.append(Denial(owner, wire.NSEC3, shown[name], signed.negative_ttl(), digest, b"\x14" + after,
                          name in signed.cuts, head))
    return out
