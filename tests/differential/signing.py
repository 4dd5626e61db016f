"""How each zone of a signed world is signed: algorithms, keys, denial, DS records, and the fault of the broken ones.

Planner(world, rng).all() gives each zone a Plan, or None: not signed. Zones that carry others (root, top level,
hosting) are good.
"""

import dataclasses

import denials
import faults
import keys
import wire

UNSIGNED, ISLAND, BROKEN = 0.15, 0.03, 0.14  # the last of those that can be
ALGORITHMS = {keys.RSASHA256: 20, keys.RSASHA512: 8, keys.P256: 34, keys.P384: 6, keys.ED25519: 12, keys.ED448: 6,
              keys.RSASHA1: 1.5, keys.RSASHA1_NSEC3: 1.5, **{a: 0.7 for a in keys.UNKNOWN}}
GOOD_ALGORITHMS = {a: w for a, w in ALGORITHMS.items() if a in keys.SUPPORTED}
DIGESTS = (([2], 60), ([1], 3), ([4], 8), ([1, 2], 8), ([2, 4], 8), ([keys.UNKNOWN_DIGEST], 1.5),
           ([2, keys.UNKNOWN_DIGEST], 3))
ITERATIONS = {0: 70, 1: 5, 10: 8, 50: 5, 100: 3, 150: 2, 300: 3}
HASHED_NAME_MAX = 253  # NSD 4.6 ends where a name of an NSEC3 zone has no room for a wildcard below it
ITERATIONS_MAX = 50  # dnssec.nsec3-iterations
BESIDE = ("expired", "early", "wrong tag", "broken", "unknown algorithm", "another key")


@dataclasses.dataclass
class Plan:
    pool: keys.Pool
    apex: bytes
    keys: list
    style: str
    digests: list
    hashed: bool  # NSEC3
    opt_out: bool
    iterations: int
    salt: bytes
    delegated: bool = True  # the parent has DS records of it
    beside: object = None  # makes a second signature that is wrong, beside each good one
    fault: faults.Fault = faults.NONE
    spoiled: set = dataclasses.field(default_factory=set)  # (owner, type): sets that a fault was chosen for
    has_unsigned: bool = False  # there are delegations without DS

    @property
    def leaves_out_unsigned(self):
        return self.opt_out or self.fault is faults.LEFT_OUT

    @property
    def apex_owner(self):
        label = keys.base32(denials.nsec3_hash(self.apex, self.salt, self.iterations))
        return bytes([len(label)]) + label + self.apex

    def stranger(self, key):
        return self.pool.pair(key.algorithm, 2 * keys.PAIRS)

    def dnskeys(self):
        rdatas = [key.rdata() for key in self.keys if key.published]
        return self.fault.keys(rdatas) if self.fault.keys else rdatas

    def ds(self, owner):
        if not self.delegated:
            return []
        rdatas = [keys.ds_rdata(owner, key.rdata(), digest) for key in self.keys if key.signs_keys or not key.published
                  for digest in self.digests]
        return self.fault.ds(rdatas) if self.fault.ds else rdatas

    def signatures(self, signed, key, name, number, found):
        broken = self.fault.signature if self.fault.where(self, name, number) else None
        out = [signed.signature(key, name, number, found, broken)]
        if self.beside and not broken:
            out.insert(0, signed.signature(key, name, number, found, self.beside))
        return [rdata for rdata in out if rdata]

    def checkable(self):
        """Is there a DS record that we can use?"""
        return any(rdata[2] in keys.SUPPORTED and rdata[3] in keys.DIGESTS for rdata in self.ds(self.apex))

    def features(self):
        denial = "opt-out" if self.opt_out else "NSEC3" if self.hashed else "NSEC"
        out = {denial, self.style, *(f"algorithm {k.algorithm}" for k in self.keys)}
        if self.hashed and self.iterations:
            out.add(f"{self.iterations} iterations")
        if not self.delegated:
            out.add("island")
        if self.beside:
            out.add("beside: " + self.beside.__name__)
        return out | ({"FAULT " + self.fault.name} if self.fault.name else set())


class Planner:
    def __init__(self, world, rng):
        self.world, self.rng, self.pool = world, rng, keys.Pool()
        self.generation = 0  # of the zone at hand

    # ---- Keys: each style gives a zone's ------------------------------------------------------------------------

    def key(self, algorithm, flags=keys.ZONE | keys.SEP, number=None, **what):
        number = self.rng.randrange(keys.PAIRS) if number is None else number
        pair = self.pool.pair(algorithm, number + keys.PAIRS * (self.generation % 2))
        return keys.Key(pair, algorithm, flags, **what)

    def single(self, algorithm):
        return [self.key(algorithm)]

    def single_without_sep(self, algorithm):
        return [self.key(algorithm, keys.ZONE)]

    def split(self, algorithm):
        """One key for keys, one for data."""
        return [self.key(algorithm, number=0, signs_data=False), self.key(algorithm, keys.ZONE, 1, signs_keys=False)]

    def double(self, algorithm):
        """Between two keys for data: both have signed."""
        return self.split(algorithm) + [self.key(algorithm, keys.ZONE, 2, signs_keys=False)]

    def between_keys(self, algorithm):
        """Two keys for keys, both with DS records."""
        return self.split(algorithm) + [self.key(algorithm, number=3, signs_data=False)]

    def between_algorithms(self, algorithm):
        other = self.pick({a: w for a, w in GOOD_ALGORITHMS.items() if a != algorithm})
        return self.split(algorithm) + self.split(other)

    def standby_ds(self, algorithm):
        """A DS record of a key that is not published yet."""
        coming = self.key(algorithm, number=3, signs_keys=False, signs_data=False, published=False)
        return self.split(algorithm) + [coming]

    def standby_key(self, algorithm):
        return self.split(algorithm) + [self.key(algorithm, number=3, signs_keys=False, signs_data=False)]

    def old_key_revoked(self, algorithm):
        old = self.key(algorithm, keys.ZONE | keys.SEP | keys.REVOKE, 3, signs_data=False)
        return self.split(algorithm) + [old]

    STYLES = {single: 40, single_without_sep: 4, split: 40, double: 5, between_keys: 5, between_algorithms: 5,
              standby_ds: 4, standby_key: 4, old_key_revoked: 2}

    # ---- A zone's plan -------------------------------------------------------------------------------------------

    def depth(self, zone):
        return 1 + self.depth(self.world.zones[zone.parent]) if zone.parent else 0

    def pick(self, weights):
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def plan(self, zone, algorithms, denial=None):
        r = self.rng
        algorithm, style = self.pick(algorithms), self.pick(self.STYLES)
        self.generation = self.depth(zone)
        if algorithm not in keys.SUPPORTED:
            style = Planner.split
        denial = denial or r.choice(("NSEC", "NSEC", "NSEC3", "NSEC3", "opt-out"))
        digests = r.choices([d for d, _ in DIGESTS], [w for _, w in DIGESTS])[0]
        hashed = denial != "NSEC"
        iterations = self.pick(ITERATIONS) if hashed and algorithms is ALGORITHMS else 0
        salt = r.randbytes(r.choice((0, 0, 2, 8))) if hashed else b""
        return Plan(self.pool, wire.name_wire(zone.name).lower(), style(self, algorithm), style.__name__, digests,
                    hashed, denial == "opt-out", iterations, salt)

    def carrier(self, zone, denial=None):
        plan = self.plan(zone, GOOD_ALGORITHMS, denial)
        plan.digests = [2]
        return plan

    def everybody(self, zone):
        if self.rng.random() < UNSIGNED:
            return None
        plan = self.plan(zone, ALGORITHMS)
        plan.delegated = self.rng.random() >= ISLAND
        if self.rng.random() < 0.03:
            plan.beside = faults.MARKS[self.rng.choice(BESIDE)]
        return plan

    def all(self):
        zones = self.world.zones
        for n, zone in enumerate(zones.values()):
            if zone.parent in (None, "."):
                zone.signing = self.carrier(zone, ("NSEC", "NSEC3", "opt-out")[n % 3] if zone.parent else "NSEC")
            elif zone in self.world.hosts:
                zone.signing = self.carrier(zone) if self.rng.random() > UNSIGNED else None
            else:
                zone.signing = self.everybody(zone)
        root, self.generation = zones["."].signing, 0
        root.keys, root.style = self.split(keys.RSASHA256), "split"
        for zone in zones.values():
            above = zone.parent and zones[zone.parent].signing
            if above and not (zone.signing and zone.signing.delegated):
                above.has_unsigned = True
        for zone in zones.values():
            if zone.signing and zone.signing.hashed:
                zone.records = [r for r in zone.records if len(wire.name_wire(r[0])) <= HASHED_NAME_MAX]
            self.maybe_break(zone)

    # ---- Faults --------------------------------------------------------------------------------------------------

    def maybe_break(self, zone):
        plan, r = zone.signing, self.rng
        carries = zone.parent in (None, ".") or zone in self.world.hosts
        if carries or not plan or not plan.delegated or not plan.checkable() or plan.iterations > ITERATIONS_MAX:
            return
        if plan.beside or r.random() >= BROKEN * (3 if plan.has_unsigned else 1):
            return
        special = [f for f in faults.ALL if f.fits is not faults.always and f.fits(plan)]
        fitting = special if special and r.random() < 0.3 else [f for f in faults.ALL if f.fits(plan)]
        plan.fault = r.choice(fitting)
        if plan.fault.key:
            for key in plan.keys:
                plan.fault.key(key)
        if plan.fault.spoils is faults.chosen:
            self.spoil(zone, plan)

    def spoil(self, zone, plan):
        """Half of the zone's sets, those that show its servers apart."""
        sets = {(wire.name_wire(owner).lower(), wire.type_number(kind)) for owner, kind, *_ in zone.records}
        children = [c for c in self.world.zones.values() if c.parent == zone.name and c.signing and c.signing.delegated]
        sets |= {(wire.name_wire(c.name).lower(), wire.DS) for c in children}
        plan.spoiled = {s for s in sorted(sets) if self.rng.random() < 0.5}
