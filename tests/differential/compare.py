"""Where the resolvers differ. An outcome is what a client can tell: rcode, AD, answer, the order of aliases."""

import collections
import typing

import wire
from processes import OURS, PEERS


class Outcome(typing.NamedTuple):
    rcode: int
    records: frozenset
    chain: tuple  # the owners of aliases
    ad: bool | None = False  # None: not decided, in what the zones hold


SERVFAIL = Outcome(2, frozenset(), ())
UNREADABLE = Outcome(-1, frozenset(), ())


def read(reply):
    """The answer, or None where there is no reply or it cannot be read."""
    try:
        return reply and wire.read_answer(b"\0\0" + reply)
    except (IndexError, ValueError):
        return None


def outcome(reply, question):
    """No reply is as good as SERVFAIL, nothing beside a SERVFAIL counts, nor does AD where CD was set."""
    answer = read(reply)
    if answer is None:
        return SERVFAIL if reply is None else UNREADABLE
    if answer.rcode == 2:
        return SERVFAIL
    ad = answer.ad and not question.flags & wire.FLAG_CD
    return Outcome(answer.rcode, frozenset(answer.records), wire.chain_of(answer.records), ad)


def without_dnames(outcome):
    return outcome._replace(records=frozenset(r for r in outcome.records if r[1] != wire.DNAME or not outcome.chain))


def same(a, b):
    """Equal, or apart in DNAMEs only: the CNAME made of one says the same (RFC 6672 §3.4)."""
    if None in (a.ad, b.ad):
        a, b = a._replace(ad=None), b._replace(ad=None)
    return a == b or without_dnames(a) == without_dnames(b)


def has_soa(reply):
    answer = read(reply)
    return answer is not None and answer.soa is not None


def majority(outcomes):
    """What at least two peers say, or None when each says something else."""
    common, count = collections.Counter(outcomes[p] for p in PEERS).most_common(1)[0]
    return common if count >= 2 else None


def differs(outcomes):
    most = majority(outcomes)
    return most is not None and most != outcomes[OURS]


class Case:
    """One question on which at least two peers agree against us, or we against the zones."""

    def __init__(self, world, question, outcomes, truth):
        self.world, self.outcomes, self.truth = world, outcomes, truth
        self.question = question
        self.name, self.kind = question.name.lower(), question.kind
        self.ours, self.most = outcomes[OURS], majority(outcomes)
        self.type = wire.type_text(self.kind)

    def names(self):
        """The name and all that its aliases lead to, whoever followed them."""
        out = [self.name]
        for outcome in self.outcomes.values():
            for _, kind, rdata in outcome.records:
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
        ours, most = self.ours.chain, self.most.chain
        least = min(len(ours), len(most))
        return ours[:least] == most[:least]

    def longest_chain(self):
        return max(len(outcome.chain) for outcome in self.outcomes.values())

    def text(self):
        features = sorted({f for z in self.zones() for f in self.world.features(z)})
        lines = [f"{self.question.text()}   zone {self.world.zone_of(self.name).name} ({', '.join(features)})"]
        held = {"the zones": self.truth} if self.truth else {}
        for who, outcome in {**self.outcomes, **held}.items():
            shown = "; ".join(sorted(wire.record_text(r) for r in outcome.records)[:4])
            mark = {True: "AD", False: "", None: "AD?"}[outcome.ad]
            lines.append(f"    {who:9} {wire.RCODES.get(outcome.rcode, outcome.rcode):9} {mark:3} "
                         f"{len(outcome.records)} {shown}")
        return "\n".join(lines)
