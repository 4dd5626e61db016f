"""Where the resolvers differ. An outcome is what a client can tell: rcode, answer, the order of aliases."""

import collections

import wire
from processes import OURS, PEERS

SERVFAIL = (2, frozenset(), ())


def outcome(reply):
    """(rcode, records, chain). No reply is as good as SERVFAIL, and nothing beside a SERVFAIL counts."""
    if reply is None:
        return SERVFAIL
    try:
        rcode, records, _ = wire.read_answer(b"\0\0" + reply)
    except (IndexError, ValueError):
        return (-1, frozenset(), ())
    if rcode == 2:
        return SERVFAIL
    return rcode, frozenset(records), wire.chain_of(records)


def without_dnames(outcome):
    rcode, records, chain = outcome
    return rcode, frozenset(r for r in records if r[1] != wire.DNAME or not chain), chain


def same(a, b):
    """Equal, or apart in DNAMEs only: the CNAME made of one says the same (RFC 6672 §3.4)."""
    return a == b or without_dnames(a) == without_dnames(b)


def has_soa(reply):
    return reply is not None and wire.read_answer(b"\0\0" + reply)[2] is not None


def majority(outcomes):
    """What at least two peers say, or None when each says something else."""
    common, count = collections.Counter(outcomes[p] for p in PEERS).most_common(1)[0]
    return common if count >= 2 else None


def differs(outcomes):
    most = majority(outcomes)
    return most is not None and most != outcomes[OURS]


class Case:
    """One question on which at least two peers agree against us."""

    def __init__(self, world, question, outcomes, truth):
        self.world, self.outcomes, self.truth = world, outcomes, truth
        self.question = question
        self.name, self.kind = question[0].lower(), question[1]
        self.ours, self.most = outcomes[OURS], majority(outcomes)
        self.type = wire.type_text(self.kind)

    def rcodes(self):
        return wire.RCODES.get(self.ours[0], "?"), wire.RCODES.get(self.most[0], "?")

    def names(self):
        """The name and all that its aliases lead to, whoever followed them."""
        out = [self.name]
        for _, records, _ in self.outcomes.values():
            for _, kind, rdata in records:
                if kind in (wire.CNAME, wire.DNAME):
                    out.append(wire.name_text(wire.wire_labels(rdata)))
        return list(dict.fromkeys(out))

    def zones(self):
        """The zones of these names and all above."""
        out = {}
        for name in self.names():
            zone = self.world.zone_of(name)
            while zone and zone.name not in out:
                out[zone.name] = zone
                zone = self.world.zones.get(zone.parent)
        return list(out.values())

    def shapes(self):
        return {z.odd or z.shape for z in self.zones()}

    def chains_agree(self):
        """Is the shorter chain of ours and theirs the beginning of the longer?"""
        ours, most = self.ours[2], self.most[2]
        least = min(len(ours), len(most))
        return ours[:least] == most[:least]

    def longest_chain(self):
        return max(len(chain) for _, _, chain in self.outcomes.values())

    def text(self):
        lines = [f"{self.question[0]} {self.type}   zone {self.world.zone_of(self.name).name} "
                 f"({', '.join(sorted(self.shapes()))})"]
        held = {"the zones": self.truth} if self.truth else {}
        for who, (rcode, records, _) in {**self.outcomes, **held}.items():
            shown = "; ".join(sorted(wire.record_text(r) for r in records)[:4])
            lines.append(f"    {who:9} {wire.RCODES.get(rcode, rcode):9} {len(records)} {shown}")
        return "\n".join(lines)
