"""What is asked. Only the zones' owner names and cuts are known here, not why they exist.

The same seed gives the same list.
"""

import random

import wire

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-"
WEIGHTS = {
    "A": 26, "AAAA": 12, "NS": 6, "SOA": 4, "MX": 5, "TXT": 6, "CNAME": 4, "DNAME": 2, "SRV": 2, "SVCB": 1, "HTTPS": 3,
    "PTR": 1, "CAA": 1, "NAPTR": 1, "HINFO": 1, "LOC": 0.5, "TLSA": 1, "SSHFP": 0.5, "URI": 0.5, "RP": 0.3,
    "AFSDB": 0.3, "KX": 0.3, "DS": 2, "DNSKEY": 1, "NSEC": 0.3, "NSEC3PARAM": 0.5, "CDS": 0.5, "SPF": 0.3, "CERT": 0.3,
    "EUI48": 0.2, "OPENPGPKEY": 0.3, "SMIMEA": 0.2, "TYPE65280": 0.7, "TYPE999": 0.5, "TYPE32770": 0.3,
    "TYPE1234": 0.3, "RRSIG": 0.05, "ANY": 0.05,
}
SIGNED_WEIGHTS = {"DS": 6, "DNSKEY": 4, "NSEC": 0.5}
# DO, or AD alone: either has a resolver tell what is proven (RFC 6840 §5.7). CD: as it is.
SIGNED_MARKS = {(True, 0): 60, (False, wire.FLAG_AD): 30, (True, wire.FLAG_CD): 10}


class Questions:
    """Of a signed world nobody asks for signatures or for all there is; all are asked with a mark of DNSSEC."""

    def __init__(self, seed, world, signed=False):
        self.signed = signed
        self.rng = random.Random(f"questions {seed}")
        weights = {kind: w for kind, w in WEIGHTS.items() if not signed or kind not in ("ANY", "RRSIG")}
        if signed:
            weights.update(SIGNED_WEIGHTS)
        self.types, self.weights = list(weights), list(weights.values())
        self.cuts = list(world.zones)
        self.owners = list(dict.fromkeys((owner, kind) for z in world.zones.values() for owner, kind, *_ in z.records))

    def label(self):
        return "".join(self.rng.choice(ALPHABET) for _ in range(self.rng.randint(1, 12)))

    def name(self):
        """A name, and the type of a record that is there if one was looked up."""
        r = self.rng
        draw = r.random()
        owner, kind = r.choice(self.owners)
        if draw < 0.5:
            return owner, kind
        if draw < 0.58:
            return f"{self.label()}.{owner}", kind
        if draw < 0.66:
            return wire.name_text(wire.labels_of(owner)[1:]), kind
        if draw < 0.74:
            return r.choice(self.cuts), None
        if draw < 0.86:
            labels = [self.label() for _ in range(r.choice((1, 1, 1, 2, 2, 3, 5)))]
            return ".".join(labels) + "." + r.choice(self.cuts).lstrip("."), None
        if draw < 0.92:
            labels = wire.labels_of(owner)
            labels[0] = labels[0][:-1] + self.label()[0].encode()
            return wire.name_text(labels), kind
        if draw < 0.96:
            labels = [self.label().encode() if label == b"*" else label for label in wire.labels_of(owner)]
            return wire.name_text(labels), kind
        if draw < 0.98:
            labels = wire.labels_of(owner)
            return wire.name_text(labels[1:2] + labels[:1] + labels[2:]), kind
        return ".".join(self.label() for _ in range(r.randint(1, 3))) + ".", None

    def question(self):
        r = self.rng
        while True:
            name, kind = self.name()
            if r.random() < 0.15:
                name = "".join(c.upper() if r.random() < 0.5 else c for c in name)
            labels = wire.labels_of(name)
            if len(wire.name_wire(name)) > 255 or any(len(label) > 63 for label in labels):
                continue
            if kind is None or r.random() < 0.6:
                kind = r.choices(self.types, self.weights)[0]
            do, flags = self.marks()
            return wire.Question(name, wire.type_number(kind), flags, do)

    def marks(self):
        return self.rng.choices(list(SIGNED_MARKS), list(SIGNED_MARKS.values()))[0] if self.signed else (False, 0)

    def draw(self, count):
        return [self.question() for _ in range(count)]
