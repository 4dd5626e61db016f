"""One generated world: zones, and who serves each. Everything follows from the seed.

    world = World(seed, zones)       the whole, in memory; signed_world.py has one with signatures
    world.write(folder)              zone files, NSD's configurations, the odd servers' plan, the root hints

A zone has a *shape*: how it is delegated and how its servers behave (shapes.py), and contents (contents.py). Shapes
are told to the comparison only; the questions know nothing but the names that exist.
"""

import json
import pathlib
import random

import contents
import shapes
import wire

CONSONANTS, VOWELS = "bcdfghjklmnprstvz", "aeiou"
ROOT_ADDRESSES = ["21.0.0.1", "21.0.0.2", "2a0f:0::1"]
TLDS = 24
NSD_GROUPS = ["root", "tld0", "tld1", "tld2", "host0", "host1", "host2", "host3", "host4"]
ADDRESSES = 40  # of each host group, half of them IPv6
SILENT = [f"21.250.0.{n}" for n in range(1, 7)] + [f"2a0f:250::{n}" for n in range(1, 4)]


class Zone:
    def __init__(self, name, parent):
        self.name, self.parent = name, parent
        self.shape = "inside"
        self.parent_ns, self.child_ns = [], None  # names; None: the same
        self.glue = {}  # of the parent's: name -> addresses
        self.groups = set()  # the NSDs that serve it
        self.soa, self.soa_ttl, self.cut_ttl = 300, 600, 3600  # MINIMUM, the SOA's own TTL, that of the delegation
        self.odd = None  # the behaviour of odd servers that serve it
        self.records = []  # (owner, type, rdata, ttl)
        self.signing = None  # how it is signed (signing.py)
        self.published = []  # what signing adds to its answers: (owner, type number, rdata), in wire form

    def add(self, owner, kind, rdata, ttl=300):
        self.records.append((owner, kind, rdata, ttl))


class World:
    anchor = None  # the root's DS record, where resolvers are to validate

    def __init__(self, seed, zones, mix=shapes.SHAPES):
        self.mix = mix
        self.rng = random.Random(f"world {seed}")
        self.zones = {}
        self.taken = set()
        self.aliases = []  # (zone, owner): targets are chosen when all names are known
        self.odd_addresses = {}  # address -> behaviour
        self.groups = {g: [f"21.{n}.0.{i}" for i in range(1, 5 if g[0] in "rt" else ADDRESSES)]
                       + [f"2a0f:{n}::{i}" for i in range(1, 3 if g[0] in "rt" else ADDRESSES)]
                       for n, g in enumerate(NSD_GROUPS)}
        self.groups["root"] = list(ROOT_ADDRESSES)
        self.hosts = []  # zones that name the servers of others
        self.pool = {}
        self.make_root()
        self.make_tlds()
        self.make_hosting()
        while len(self.zones) < zones:
            self.make_zone()
        contents.finish(self)

    # ---- Names ---------------------------------------------------------------------------------------------------

    def label(self, least=2, most=4):
        r = self.rng
        out = "".join(r.choice(CONSONANTS) + r.choice(VOWELS) for _ in range(r.randint(least, most)))
        return out + (str(r.randint(0, 99)) if r.random() < 0.2 else "")

    def fresh(self, parent):
        """A name below the zone that nothing has taken."""
        while True:
            name = f"{self.label()}.{parent}" if parent != "." else f"{self.label()}."
            if name not in self.taken:
                self.taken.add(name)
                return name

    def group(self):
        return self.rng.choice(NSD_GROUPS[4:])

    def addresses(self, group, count=1, family=None):
        known = [a for a in self.groups[group] if family is None or (":" in a) == (family == 6)]
        if family is None and self.rng.random() < 0.7:
            known = [a for a in known if ":" not in a] or known
        return self.rng.sample(known, min(count, len(known)))

    # ---- The tree ------------------------------------------------------------------------------------------------

    def new_zone(self, name, parent):
        zone = Zone(name, parent)
        self.zones[name] = zone
        self.taken.add(name)
        return zone

    def make_root(self):
        root = self.new_zone(".", None)
        root.groups = {"root"}
        root.parent_ns = [f"{c}.roots." for c in "abc"]
        for name, address in zip(root.parent_ns, ROOT_ADDRESSES):
            root.add(name, "AAAA" if ":" in address else "A", address, 86400)

    def make_tlds(self):
        for n in range(TLDS):
            zone = self.new_zone(self.fresh("."), ".")
            group = "root" if n % 8 == 7 else f"tld{n % 3}"
            zone.groups = {group}
            for i, address in enumerate(self.addresses(group, 2, 4) + self.addresses(group, 1, 6)):
                name = f"{'abc'[i]}.nic.{zone.name}"
                shapes.name_server(zone, name, [address], glue=True)
        self.tlds = [z for z in self.zones if z != "."]

    def make_hosting(self):
        for tld in self.tlds:
            for _ in range(2):
                zone = self.new_zone(self.fresh(tld), tld)
                zone.shape = "hosting"
                shapes.inside(self, zone)
                self.hosts.append(zone)

    def hosted_name(self, group, avoid=""):
        """A name in a hosting zone, outside of the TLD `avoid`, for one address of the group."""
        zone = self.rng.choice([h for h in self.hosts if not avoid or not h.name.endswith("." + avoid)])
        key = (zone.name, group, self.rng.randint(0, 2))
        if key not in self.pool:
            name = f"{self.label()}.{zone.name}"
            while name in self.taken:
                name = f"{self.label()}.{zone.name}"
            self.taken.add(name)
            for address in self.addresses(group):
                zone.add(name, "AAAA" if ":" in address else "A", address, 3600)
            self.pool[key] = name
        return self.pool[key]

    def tld_of(self, name):
        return name.rstrip(".").rpartition(".")[2] + "."

    def make_zone(self):
        r = self.rng
        second = r.random() < 0.6 or len(self.zones) < 400
        parent = r.choice(self.tlds) if second else self.some_parent()
        above = f"{self.label()}.{parent}" if r.random() < 0.06 else parent  # over an empty non-terminal
        zone = self.new_zone(self.fresh(above), parent)
        shape = shapes.choose(self, zone)
        zone.shape = shape.__name__
        shape(self, zone)
        zone.soa, zone.soa_ttl = r.choice((0, 1, 5, 300, 300, 3600, 86400)), r.choice((0, 5, 600, 600, 604800))
        zone.cut_ttl = r.choice((0, 1, 30, 3600, 3600, 3600, 3600, 172800))
        if zone.groups and not zone.odd and r.random() < 0.01:
            self.deepen(zone)

    def some_parent(self):
        while True:
            name = self.rng.choice(list(self.zones)[1 + TLDS:])
            zone = self.zones[name]
            if zone.groups and zone.odd is None and name.count(".") < 9:
                return name

    def deepen(self, zone):
        """A cut at each of the next labels."""
        group = self.group()
        for _ in range(self.rng.randint(3, 10)):
            below = self.new_zone(self.fresh(zone.name), zone.name)
            below.shape = "deep"
            shapes.inside(self, below, group if self.rng.random() < 0.5 else None)
            zone = below

    # ---- What is known of names ------------------------------------------------------------------------------------

    def zone_of(self, name):
        """The deepest zone that encloses the name (in lower case)."""
        while name not in self.zones:
            labels = wire.labels_of(name)[1:]
            name = wire.name_text(labels)
        return self.zones[name]

    @staticmethod
    def features(zone):
        """What is said of it to explain a difference."""
        return {zone.odd or zone.shape}

    def children(self):
        """zone name -> the zones delegated there."""
        out = {name: [] for name in self.zones}
        for zone in self.zones.values():
            if zone.parent:
                out[zone.parent].append(zone)
        return out

    # ---- Files ---------------------------------------------------------------------------------------------------

    def write(self, folder):
        folder = pathlib.Path(folder)
        (folder / "zones").mkdir(parents=True, exist_ok=True)
        children = self.children()
        for zone in self.zones.values():
            if zone.groups:
                text = "\n".join(self.lines(zone, children[zone.name])) + "\n"
                file_of(folder, zone).write_text(text, encoding="ascii")
        (folder / "odd.json").write_text(json.dumps(self.odd_plan()), encoding="ascii")
        hints = "".join(f". 3600000 IN NS {name}\n{name} 3600000 IN {'AAAA' if ':' in a else 'A'} {a}\n"
                        for name, a in zip(self.zones["."].parent_ns, ROOT_ADDRESSES))
        (folder / "root.hints").write_text(hints, encoding="ascii")

    def lines(self, zone, children):
        """The zone's file."""
        return [f"{owner} {ttl} IN {kind} {rdata}" for owner, kind, rdata, ttl in served_records(zone, children)]

    def odd_plan(self):
        zones = {}
        for zone in self.zones.values():
            if not zone.odd:
                continue
            owners = zones.setdefault(zone.name, {})
            for owner, kind, rdata, _ in all_records(zone):
                owners.setdefault(owner, {}).setdefault(wire.type_number(kind), []).append(
                    contents.rdata_wire(kind, rdata).hex())
        return {"addresses": self.odd_addresses, "silent": SILENT, "zones": zones}


def file_of(folder, zone):
    return folder / "zones" / ("root" if zone.name == "." else zone.name + "zone")


def all_records(zone):
    """The zone's own, SOA and NS first."""
    names = zone.parent_ns if zone.child_ns is None else zone.child_ns
    primary = names[0] if names else "ns.invalid."
    yield zone.name, "SOA", f"{primary} hostmaster. 1 3600 600 86400 {zone.soa}", zone.soa_ttl
    for name in names:
        yield zone.name, "NS", name, 3600
    yield from zone.records


def served_records(zone, children):
    """What its file holds: its own, what it delegates, and glue that is not its own."""
    yield from all_records(zone)
    glue = set()
    for child in children:
        for name in child.parent_ns:
            yield child.name, "NS", name, child.cut_ttl
        glue |= {(name, a) for name, addresses in child.glue.items() for a in addresses}
    own = {(owner, rdata) for owner, kind, rdata, _ in zone.records if kind in ("A", "AAAA")}
    for name, address in sorted(glue - own):
        yield name, "AAAA" if ":" in address else "A", address, 3600
