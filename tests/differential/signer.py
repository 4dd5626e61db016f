"""Signs one zone: its sets, DNSKEY and DS records, the denial chain, and a signature over each, faults as planned.

    signed = SignedZone(zone, children)
    signed.lines()       the zone's file

How the zone is signed, and what is wrong with it, stands in zone.signing (signing.py). Times are seconds from now.
"""

import struct
import time

import contents
import denials
import keys
import wire

DAY_S = 86400
KEY_TTL_S = 3600


def text_of(name):
    return wire.name_text(wire.wire_labels(name))


def unknown_form(number, rdata):
    """RFC 3597: type and rdata of a line."""
    return f"TYPE{number} \\# {len(rdata)} {rdata.hex()}"


class Set:
    def __init__(self, ttl):
        self.ttl = ttl
        self.rdatas = {}  # canonical rdata -> the rest of its line

    def add(self, ttl, rdata, text):
        self.ttl = min(self.ttl, ttl)
        self.rdatas.setdefault(rdata, text)


class SignedZone:
    def __init__(self, zone, children):
        self.zone, self.plan, self.now = zone, zone.signing, int(time.time())
        self.apex = wire.name_wire(zone.name).lower()
        self.cuts = {wire.name_wire(c.name).lower(): c for c in children}
        self.owners = {}  # wire name in lower case -> text
        self.sets = {}  # wire name -> {type number: Set}
        self.load(children)
        if self.plan:
            self.sign()

    # ---- What is in it -------------------------------------------------------------------------------------------

    def load(self, children):
        from world import served_records
        for owner, kind, text, ttl in served_records(self.zone, children):
            name = wire.name_wire(owner).lower()
            self.owners.setdefault(name, owner)
            number, rdata = wire.type_number(kind), contents.rdata_wire(kind, text)
            self.put(name, number, ttl, wire.canonical_rdata(rdata, number, 0, len(rdata)), f"{kind} {text}")
        for name, child in self.cuts.items():
            for rdata in ds_of(child):
                self.publish(name, wire.DS, child.cut_ttl, rdata)

    def put(self, name, number, ttl, rdata, text=None):
        kinds = self.sets.setdefault(name, {})
        kinds.setdefault(number, Set(ttl)).add(ttl, rdata, text or unknown_form(number, rdata))

    def publish(self, name, number, ttl, rdata):
        """What is not among the zone's own records, for clients to see."""
        self.put(name, number, ttl, rdata)
        self.zone.published.append((name, number, rdata))

    def negative_ttl(self):
        return min(self.zone.soa, self.zone.soa_ttl)  # RFC 9077

    def authoritative(self):
        """Names with types that the zone signs: of a cut its DS alone, nothing below one."""
        for name, kinds in self.sets.items():
            if any(above in self.cuts for above in wire.parents(name) if above != name):
                continue
            yield name, {k: s for k, s in kinds.items() if k == wire.DS} if name in self.cuts else kinds

    # ---- Signatures ----------------------------------------------------------------------------------------------

    def sign(self):
        plan = self.plan
        for rdata in plan.dnskeys():
            self.publish(self.apex, wire.DNSKEY, KEY_TTL_S, rdata)
        self.denials = denials.chain(self)
        self.signatures = []
        for name, kinds in list(self.authoritative()):
            for number, found in kinds.items():
                self.sign_set(name, self.owners.get(name) or text_of(name), number, found)
        for denial in self.denials:
            found = Set(denial.ttl)
            found.add(denial.ttl, denial.rdata, "")
            self.sign_set(denial.owner, text_of(denial.owner), denial.kind, found)

    def sign_set(self, name, shown, number, found):
        for key in self.plan.keys:
            if key.signs_keys if number == wire.DNSKEY else key.signs_data:
                for rdata in self.plan.signatures(self, key, name, number, found):
                    self.signatures.append(f"{shown} {found.ttl} IN {unknown_form(wire.RRSIG, rdata)}")

    def signature(self, key, name, number, found, change=None):
        """RRSIG rdata, or None. `change` has the fields and may make any of them wrong (faults.py)."""
        labels = wire.wire_labels(name)
        f = {"algorithm": key.algorithm, "labels": len(labels) - (labels[:1] == [b"*"]), "ttl": found.ttl,
             "ttl_signed": found.ttl, "until": 30 * DAY_S, "from": -DAY_S, "tag": key.tag(), "signer": self.apex,
             "pair": key.pair, "stranger": self.plan.stranger(key), "rdatas": sorted(found.rdatas), "strip": False,
             "flip": 0}
        if change:
            change(f)
        if f["strip"]:
            return None

        def head(ttl):
            return struct.pack("!HBBIIIH", number, f["algorithm"], f["labels"], ttl, self.now + f["until"],
                               self.now + f["from"], f["tag"]) + f["signer"]
        start = name + struct.pack("!HHI", number, 1, f["ttl_signed"])
        data = head(f["ttl_signed"]) + b"".join(start + struct.pack("!H", len(r)) + r for r in f["rdatas"])
        signature = bytearray(f["pair"].sign(data))
        signature[-1] ^= f["flip"]
        return head(f["ttl"]) + bytes(signature)

    # ---- Its file ------------------------------------------------------------------------------------------------

    def lines(self):
        out = []
        for name, kinds in self.sets.items():
            shown = self.owners.get(name) or text_of(name)
            out += [f"{shown} {s.ttl} IN {text}" for s in kinds.values() for text in s.rdatas.values()]
        if self.plan:
            out += [f"{text_of(d.owner)} {d.ttl} IN {unknown_form(d.kind, d.rdata)}" for d in self.denials]
            out += self.signatures
        return out


def ds_of(zone):
    """The DS records that its parent has."""
    return zone.signing.ds(wire.name_wire(zone.name).lower()) if zone.signing else []


def anchor(root):
    return keys.ds_text(ds_of(root)[0])
