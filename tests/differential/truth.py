"""What the zones hold: the answer that follows from the zone data alone (RFC 1034 §4.3.2, RFC 4592, RFC 6672).

    outcome = Truth(world).answer(name, kind)      (rcode, records, chain) as compare.outcome gives it, or None

None where the data do not decide: a zone that only odd servers serve or nobody does, a loop, ANY. It does not ask
whether a zone can be reached; who fails to is not contradicted here.
"""

import contents
import wire

NOERROR, NXDOMAIN, YXDOMAIN = 0, 3, 6
STEPS_MAX = 24
DS = wire.TYPES["DS"]


def parents(wire_name):
    """The name and all above it, in wire form."""
    while True:
        yield wire_name
        if wire_name == b"\0":
            return
        wire_name = wire_name[1 + wire_name[0]:]


class Truth:
    def __init__(self, world):
        self.zones = {wire.name_wire(z.name).lower(): z for z in world.zones.values()}
        self.nodes = {}  # zone -> owner -> kind -> set of rdata; empty non-terminals have no kind

    def zone_of(self, name, kind):
        """The deepest zone; DS lies on the parent's side of a cut."""
        for at in parents(name):
            if at in self.zones and not (kind == DS and at == name and at != b"\0"):
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
            rdata = contents.rdata_wire(kind, text)
            number = wire.type_number(kind)
            self.add(nodes, apex, wire.name_wire(owner).lower()).setdefault(number, set()).add(
                wire.canonical_rdata(rdata, number, 0, len(rdata)))
        for name, child in self.zones.items():
            if child.parent == zone.name and name != apex:
                self.add(nodes, apex, name)
        return nodes

    @staticmethod
    def add(nodes, apex, owner):
        for above in parents(owner):
            nodes.setdefault(above, {})
            if above == apex:
                break
        return nodes[owner]

    def answer(self, name, kind):
        if kind == wire.TYPES["ANY"]:
            return None
        at, records, chain = wire.name_wire(name).lower(), [], []
        for _ in range(STEPS_MAX):
            apex = self.zone_of(at, kind)
            if not self.zones[apex].groups:
                return None
            rcode, at = self.step(self.nodes_of(apex), apex, at, kind, records)
            if rcode is not None:
                chain = [owner for owner, k, _ in records if k == wire.CNAME]
                return rcode, frozenset(records), tuple(chain)
        return None

    def step(self, nodes, apex, name, kind, records):
        """Within one zone: (rcode, None) at the end, (None, the name to go on with) at an alias."""
        types, encloser = nodes.get(name), None
        if types is None:
            encloser = next(above for above in parents(name) if above in nodes)
            types = nodes.get(b"\1*" + encloser)
        above = name if encloser is None else encloser
        dname = next((a for a in parents(above) if a != name and wire.DNAME in nodes.get(a, {})), None)
        if dname is not None and len(dname) >= len(apex):
            return self.follow_dname(nodes, name, dname, kind, records)
        if types is None:
            return NXDOMAIN, None
        if kind in types:
            records += [(name, kind, rdata) for rdata in types[kind]]
            return NOERROR, None
        if wire.CNAME in types:
            target = next(iter(types[wire.CNAME]))
            records.append((name, wire.CNAME, target))
            return None, target
        return NOERROR, None

    @staticmethod
    def follow_dname(nodes, name, dname, kind, records):
        target = next(iter(nodes[dname][wire.DNAME]))
        records.append((dname, wire.DNAME, target))
        new = name[:-len(dname)] + target
        if len(new) > 255:
            return YXDOMAIN, None
        records.append((name, wire.CNAME, new))
        return (NOERROR, None) if kind == wire.CNAME else (None, new)
