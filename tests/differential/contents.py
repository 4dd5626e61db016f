"""What zones hold: hosts, aliases, wildcards, empty non-terminals, DNAMEs, large sets, rare types, odd names."""

import dns.rdata

import wire

UNKNOWN = ("TYPE65280", "TYPE999", "TYPE32770")
ODD_LABELS = ("a\\.b", "sp\\032ace", "nul\\000", "high\\255\\200", "UPPER", "miXed", "_x", "-", "star\\*", "x" * 63,
              "quote\\\"d", "\\@", "123", "semi\\;colon", "back\\\\slash", "xn--e1afmkfd", "*a", "a.*.b")


def rdata_wire(kind, text):
    return dns.rdata.from_text("IN", kind, text).to_wire()


def address(w):
    return f"22.{w.rng.randint(0, 255)}.{w.rng.randint(0, 255)}.{w.rng.randint(1, 254)}"


def address6(w):
    return f"2a10:{w.rng.randint(1, 0xffff):x}::{w.rng.randint(1, 0xffff):x}"


def rdata_of(w, zone, kind):
    r = w.rng
    here = f"{w.label()}.{zone.name}"
    return {
        "A": lambda: address(w), "AAAA": lambda: address6(w), "TXT": lambda: f'"{w.label()} {w.label()}" "{w.label()}"',
        "MX": lambda: f"{r.randint(0, 50)} {here}", "SRV": lambda: f"{r.randint(0, 9)} 5 {r.randint(1, 65535)} {here}",
        "SVCB": lambda: f"1 {here} alpn=h2 port=8443", "HTTPS": lambda: r.choice(("1 . alpn=h3,h2", f"0 {here}")),
        "NAPTR": lambda: f'100 10 "U" "E2U+sip" "!^.*$!sip:a@b!" .', "CAA": lambda: '0 issue "ca.example"',
        "TLSA": lambda: "3 1 1 " + f"{r.getrandbits(256):064x}", "SSHFP": lambda: "4 2 " + f"{r.getrandbits(256):064x}",
        "LOC": lambda: "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "URI": lambda: '10 1 "http://x/"',
        "HINFO": lambda: '"PC" "Linux"', "RP": lambda: f"{here} .", "AFSDB": lambda: f"1 {here}",
        "KX": lambda: f"10 {here}", "PTR": lambda: here, "EUI48": lambda: "00-00-5e-00-53-2a",
        "SPF": lambda: '"v=spf1 -all"', "CERT": lambda: "1 0 0 AQID", "OPENPGPKEY": lambda: "AQIDBA==",
        "SMIMEA": lambda: "3 0 0 01020304",
    }.get(kind, lambda: "\\# 4 " + f"{r.getrandbits(32):08x}")()


COMMON = ("A",) * 8 + ("AAAA",) * 4 + ("TXT", "TXT", "MX")
RARE = ("SRV", "SVCB", "HTTPS", "NAPTR", "CAA", "TLSA", "SSHFP", "LOC", "URI", "HINFO", "RP", "AFSDB", "KX", "PTR",
        "EUI48", "SPF", "CERT", "OPENPGPKEY", "SMIMEA") + UNKNOWN


def ttl(w):
    return w.rng.choice((0, 1, 5, 300, 300, 300, 3600, 86400, 604800, 2147483647))


def add(w, zone, owner, kinds):
    for kind in dict.fromkeys(kinds):
        for _ in range(w.rng.choice((1, 1, 2, 3)) if kind in ("A", "AAAA", "TXT", "MX") else 1):
            lasts = next((t for o, k, _, t in zone.records if o == owner and k == kind), ttl(w))
            zone.add(owner, kind, rdata_of(w, zone, kind), lasts)


# ---- Parts of a zone ---------------------------------------------------------------------------------------------


def apex(w, zone):
    add(w, zone, zone.name, w.rng.sample(("A", "AAAA", "MX", "TXT", "CAA", "HTTPS"), w.rng.randint(1, 4)))


def hosts(w, zone):
    for _ in range(w.rng.randint(2, 6)):
        add(w, zone, w.fresh(zone.name), w.rng.sample(COMMON, w.rng.randint(1, 3)))


def rare_types(w, zone):
    add(w, zone, w.fresh(zone.name), w.rng.sample(RARE, w.rng.randint(1, 6)))


def empty_non_terminals(w, zone):
    for _ in range(w.rng.randint(1, 3)):
        deep = ".".join(w.label(1, 2) for _ in range(w.rng.randint(2, 5)))
        add(w, zone, f"{deep}.{w.fresh(zone.name)}", w.rng.sample(COMMON, 1))


def wildcard(w, zone):
    """With names below that hide it, and an empty non-terminal below it."""
    base = w.rng.choice((zone.name, w.fresh(zone.name), f"{w.label()}.{w.fresh(zone.name)}"))
    if w.rng.random() < 0.3:
        alias(w, zone, f"*.{base}")
    else:
        add(w, zone, f"*.{base}", w.rng.sample(COMMON, w.rng.randint(1, 3)))
    if w.rng.random() < 0.5:
        add(w, zone, w.fresh(base), ("TXT",))
    if w.rng.random() < 0.3:
        add(w, zone, f"{w.label()}.{w.fresh(base)}", ("A",))
    if w.rng.random() < 0.2:
        add(w, zone, f"{w.label()}.*.{base}", ("A",))


def alias(w, zone, owner=None):
    w.aliases.append((zone, owner or w.fresh(zone.name)))


def aliases(w, zone):
    for _ in range(w.rng.randint(1, 4)):
        alias(w, zone)


def loop(w, zone):
    a, b = w.fresh(zone.name), w.fresh(zone.name)
    zone.add(a, "CNAME", w.rng.choice((a, b)))
    zone.add(b, "CNAME", a)


def chained(w, zone):
    """One alias after another, the last to data."""
    at = w.fresh(zone.name)
    for _ in range(w.rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14))):
        target = w.fresh(zone.name)
        zone.add(at, "CNAME", target)
        at = target
    add(w, zone, at, ("A", "TXT"))


def dname(w, zone):
    r = w.rng
    owner = w.fresh(zone.name)
    target = r.choice((r.choice(list(w.zones)), w.fresh(zone.name), f"{w.label()}.{r.choice(w.tlds)}",
                       f"{w.label()}.nowhere-{w.label()}.", f"x.{owner}",
                       ".".join(["y" * 60] * 3) + "." + zone.name))
    if len(wire.name_wire(target)) <= 255:
        zone.add(owner, "DNAME", target)
    if r.random() < 0.3:
        zone.add(owner, "TXT", '"at a DNAME"')


def large(w, zone):
    owner, kind = w.fresh(zone.name), w.rng.choice(("A", "TXT", "AAAA"))
    for n in range(w.rng.choice((30, 60, 99))):
        zone.add(owner, kind, {"A": f"22.77.1.{n + 1}", "AAAA": f"2a10:77::{n + 1:x}",
                               "TXT": f'"{n} {"z" * 190}"'}[kind])


def odd_names(w, zone):
    for label in w.rng.sample(ODD_LABELS, 3):
        owner = f"{label}.{zone.name}"
        if len(wire.name_wire(owner)) <= 255:
            add(w, zone, owner, ("A",))
    room = 254 - len(wire.name_wire(zone.name))
    labels = []
    while room > 2:
        labels.append("m" * min(63, room - 1))
        room -= len(labels[-1]) + 1
    if labels:
        add(w, zone, ".".join(labels) + "." + zone.name, ("A",))


PARTS = ((apex, 0.7), (hosts, 1), (rare_types, 0.3), (empty_non_terminals, 0.3), (wildcard, 0.3), (aliases, 0.6),
         (loop, 0.02), (chained, 0.06), (dname, 0.1), (large, 0.03), (odd_names, 0.05))


def for_odd_servers(w, zone):
    """Names of plain kinds only: the odd servers know no wildcards."""
    apex(w, zone)
    hosts(w, zone)
    empty_non_terminals(w, zone)
    aliases(w, zone)
    aliases(w, zone)
    owner, target = w.fresh(zone.name), w.fresh(zone.name)
    zone.add(owner, "DNAME", target)
    add(w, zone, f"{w.label()}.{target}", ("A",))
    owner = w.fresh(zone.name)
    zone.add(owner, "CNAME", zone.records[-1][0])


def target_of_alias(w, zone, known):
    r = w.rng
    draw = r.random()
    if draw < 0.55:
        return r.choice(known)
    if draw < 0.7 and zone.records:
        return unstarred(r.choice(zone.records)[0])
    if draw < 0.8:
        return f"{w.label()}.{r.choice(known)}"
    if draw < 0.85:
        return f"{w.label()}.{w.label()}-gone."
    if draw < 0.9:
        return r.choice(list(w.zones))
    return f"{w.label()}.{r.choice(list(w.zones)).lstrip('.')}"


def unstarred(name):
    return wire.name_text([b"wild" if label == b"*" else label for label in wire.labels_of(name)])


def finish(w):
    """Fills all zones, then chooses where the aliases lead."""
    with_children = {z.parent for z in w.zones.values()}
    for zone in list(w.zones.values()):
        if zone.name == "." or zone.parent == ".":
            continue
        if zone.odd:
            for_odd_servers(w, zone)
            continue
        if zone.shape == "glueless" and zone.name not in with_children and w.rng.random() < 0.08:
            moved(w, zone)
            continue
        for part, share in PARTS:
            if w.rng.random() < share:
                part(w, zone)
    prune(w)
    known = [unstarred(owner) for z in w.zones.values() for owner, *_ in z.records]
    chains_over_zones(w)
    for zone, owner in w.aliases:
        taken = any(o == owner for o, *_ in zone.records)
        target = target_of_alias(w, zone, known)
        if not taken and len(wire.name_wire(target)) <= 255:
            zone.add(owner, "CNAME", target)


def chains_over_zones(w):
    """From zone to zone, up to the resolvers' limits and beyond; some come back to their beginning."""
    served = [z for z in w.zones.values()
              if z.groups and not z.odd and z.shape != "moved" and z.parent not in (None, ".")]
    for _ in range(len(served) // 60):
        way = [(zone, w.fresh(zone.name)) for zone in w.rng.sample(served, min(len(served), w.rng.randint(2, 14)))]
        for (zone, owner), (_, target) in zip(way, way[1:]):
            zone.add(owner, "CNAME", target)
        zone, owner = way[-1]
        if w.rng.random() < 0.15:
            zone.add(owner, "CNAME", way[0][1])
        else:
            add(w, zone, owner, ("A", "TXT"))


def moved(w, zone):
    """A DNAME at the apex, and nothing else than what may stand beside it."""
    zone.shape, zone.records = "moved", []
    zone.add(zone.name, "DNAME", w.rng.choice(list(w.zones)[1:]))
    add(w, zone, zone.name, ("MX",))


def prune(w):
    """No record below a DNAME or a cut of its own zone; no name that is too long."""
    for zone in w.zones.values():
        dnames = ["." + owner for owner, kind, *_ in zone.records if kind == "DNAME"]
        zone.records = [r for r in zone.records if len(wire.name_wire(r[0])) <= 255
                        and not any(r[0].endswith(d) for d in dnames)]
