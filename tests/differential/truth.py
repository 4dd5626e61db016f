"""What the zones hold: the answer that follows from the zone data alone (RFC 1034 §4.3.2, RFC 4592, RFC 6672).

    outcome = Truth(world).answer(question)      a compare.Outcome, or None

None where the data do not decide: a zone that only odd servers serve or nobody does, a loop, ANY. It does not ask
whether a zone can be reached; who fails to is not contradicted here. proof.py judges the steps of signed zones.
"""

import dataclasses

import contents
import wire
from compare import Outcome

NOERROR, NXDOMAIN, YXDOMAIN = 0, 3, 6
STEPS_MAX = 24
# What a step rests on: a set, that of a wildcard, or what is not there. CUT: no DS at one, for who asks for it;
# DELEGATION: the same for who needs to know whether the zone below is signed.
ANSWER, WILDCARD, NODATA, EMPTY, WILDCARD_NODATA, NO_NAME, CUT, DELEGATION = (
    "answer", "wildcard", "nodata", "empty", "wildcard nodata", "no name", "cut", "delegation")


@dataclasses.dataclass
class Step:
    apex: bytes
    how: str
    name: bytes  # that was looked for
    kind: int
    encloser: bytes  # the closest name that exists
    owner: bytes | None = None  # of the set that was found
    found: int | None = None  # its type


class Truth:
    def __init__(self, world):
        self.zones = {wire.name_wire(z.name).lower(): z for z in world.zones.values()}
        self.nodes = {}  # zone -> owner -> kind -> set of rdata; empty non-terminals have no kind

    def zone_of(self, name, kind):
        """The deepest zone; DS lies on the parent's side of a cut."""
        for at in wire.parents(name):
            if at in self.zones and not (kind == wire.DS and at == name and at != b"\0"):
                return at
        raise AssertionError("the root is a zone")

    def nodes_of(self, apex):
        if apex not in self.nodes:
            self.nodes[apex] = self.load(apex)
        return self.nodes[apex]

    def load(self, apex):
        from world import all_records
        zone, nodes = self.zones[apex], {}
        for owner, kind, text, _ in all_records(zone):
            number, rdata = wire.type_number(kind), contents.rdata_wire(kind, text)
            self.add(nodes, apex, wire.name_wire(owner).lower()).setdefault(number, set()).add(
                wire.canonical_rdata(rdata, number, 0, len(rdata)))
        for owner, number, rdata in zone.published:
            self.add(nodes, apex, owner).setdefault(number, set()).add(rdata)
        for name, child in self.zones.items():
            if child.parent == zone.name and name != apex:
                self.add(nodes, apex, name)
        return nodes

    @staticmethod
    def add(nodes, apex, owner):
        for above in wire.parents(owner):
            nodes.setdefault(above, {})
            if above == apex:
                break
        return nodes[owner]

    def answer(self, question):
        return self.walk(question.name, question.kind)[0]

    def walk(self, name, kind):
        """(outcome or None, the steps that lead there)."""
        at, records, steps = wire.name_wire(name).lower(), [], []
        while kind != wire.TYPES["ANY"] and len(steps) < STEPS_MAX:
            apex = self.zone_of(at, kind)
            if not self.zones[apex].groups:
                break
            rcode, at = self.step(apex, at, kind, records, steps)
            if rcode is not None:
                chain = [owner for owner, k, _ in records if k == wire.CNAME]
                return Outcome(rcode, frozenset(records), tuple(chain)), steps
        return None, steps

    def step(self, apex, name, kind, records, steps):
        """Within one zone: (rcode, None) at the end, (None, the name to go on with) at an alias."""
        nodes = self.nodes_of(apex)
        encloser = next(above for above in wire.parents(name) if above in nodes)
        dname = next((a for a in wire.parents(encloser) if a != name and wire.DNAME in nodes.get(a, {})), None)
        if dname is not None and len(dname) >= len(apex):
            steps.append(Step(apex, ANSWER, name, kind, encloser, dname, wire.DNAME))
            return self.follow_dname(nodes, name, dname, kind, records)
        exact = encloser == name
        owner = name if exact else b"\1*" + encloser
        types = nodes.get(owner)
        if types is None:
            steps.append(Step(apex, NO_NAME, name, kind, encloser))
            return NXDOMAIN, None
        found = kind if kind in types else wire.CNAME if wire.CNAME in types else None
        if found is None:
            steps.append(Step(apex, self.how_denied(exact, name, apex, types), name, kind, encloser))
            return NOERROR, None
        steps.append(Step(apex, ANSWER if exact else WILDCARD, name, kind, encloser, owner, found))
        records += [(name, found, rdata) for rdata in types[found]]
        return (NOERROR, None) if found == kind else (None, next(iter(types[found])))

    def how_denied(self, exact, name, apex, types):
        if not exact:
            return WILDCARD_NODATA
        if name in self.zones and name != apex:
            return CUT
        return NODATA if types else EMPTY

    @staticmethod
    def follow_dname(nodes, name, dname, kind, records):
        target = next(iter(nodes[dname][wire.DNAME]))
        records.append((dname, wire.DNAME, target))
        new = name[:-len(dname)] + target
        if len(new) > 255:
            return YXDOMAIN, None
        records.append((name, wire.CNAME, new))
        return (NOERROR, None) if kind == wire.CNAME else (None, new)
