"""What may be wrong with a signed zone. A fault says where it is put, and what can not be proven because of it.

`spoils(step, plan)` judges one step of an answer (truth.py): is it bogus? None: that depends on more than the data say.
"""

import dataclasses
import struct
from typing import Callable

import keys
import wire
from truth import CUT, DELEGATION, EMPTY, NO_NAME, NODATA, WILDCARD, WILDCARD_NODATA

DAY_S = 86400
DENIALS = (NODATA, EMPTY, NO_NAME, WILDCARD, WILDCARD_NODATA, CUT, DELEGATION)
SPANS = (NO_NAME, WILDCARD, WILDCARD_NODATA)


def always(plan):
    return True


@dataclasses.dataclass(eq=False)
class Fault:
    name: str
    spoils: Callable
    signature: Callable | None = None  # changes the fields of a signature …
    where: Callable = lambda plan, name, number: True  # … over these sets
    keys: Callable | None = None  # changes the list of DNSKEY rdata, before it is signed
    key: Callable | None = None  # changes a key, and so its tag and DS record too
    ds: Callable | None = None  # changes the list of DS rdata
    denial: Callable | None = None  # changes a record of the chain
    no_chain: bool = False
    whole: bool = False  # nothing in the zone can be proven, its own keys included
    fits: Callable = always


NONE = Fault("", lambda step, plan: False, where=lambda plan, name, number: False)


# ---- Signatures ----------------------------------------------------------------------------------------------------


def older(fields):
    fields["from"], fields["until"] = -30 * DAY_S, -2 * DAY_S


def early(fields):
    fields["from"] = 10 * DAY_S


def dates_crossed(fields):
    fields["from"], fields["until"] = 2 * DAY_S, -2 * DAY_S


def wrong_tag(fields):
    fields["tag"] ^= 1


def signer_above(fields):
    labels = wire.wire_labels(fields["signer"])
    fields["signer"] = fields["signer"][1 + len(labels[0]):]


def signer_beside(fields):
    signer_above(fields)
    fields["signer"] = b"\7sibling" + fields["signer"]


def labels_less(fields):
    fields["labels"] -= 1


def labels_more(fields):
    fields["labels"] += 1


def other_algorithm(fields):
    fields["algorithm"] = keys.P256 if fields["algorithm"] != keys.P256 else keys.RSASHA256


def unknown_algorithm(fields):
    fields["algorithm"] = keys.UNKNOWN[-1]


def flipped(fields):
    fields["flip"] = 1


def stripped(fields):
    fields["strip"] = True


def other_ttl_signed(fields):
    """Another than the signature tells."""
    fields["ttl_signed"] = fields["ttl"] + 1


def record_added(fields):
    """A record came to the set after it was signed."""
    fields["rdatas"] = [*fields["rdatas"][1:], b"\0\1\2"]


def another_key(fields):
    """By a key that the zone does not have, under the name of one that it has."""
    fields["pair"] = fields["stranger"]


MARKS = {"expired": older, "early": early, "dates crossed": dates_crossed, "wrong tag": wrong_tag,
         "signer above": signer_above, "signer beside": signer_beside, "too few labels": labels_less,
         "too many labels": labels_more, "wrong algorithm": other_algorithm, "unknown algorithm": unknown_algorithm,
         "broken": flipped, "stripped": stripped, "other TTL signed": other_ttl_signed, "record added": record_added,
         "another key": another_key}


def everything(step, plan):
    return True


def chosen(step, plan):
    return (step.owner, step.found) in plan.spoiled


def denied(step, plan):
    return step.how in DENIALS


PLACES = {"all": dict(spoils=everything, whole=True),
          "keys": dict(spoils=everything, whole=True, where=lambda plan, name, number: number == wire.DNSKEY),
          "sets": dict(spoils=chosen, where=lambda plan, name, number: (name, number) in plan.spoiled),
          "denials": dict(spoils=denied, where=lambda plan, name, number: number in (wire.NSEC, wire.NSEC3))}
OF_SIGNATURES = [Fault(f"{mark} of {place}", signature=change, **how)
                 for mark, change in MARKS.items() for place, how in PLACES.items()
                 if not (place == "denials" and mark == "record added")]


# ---- DS and keys ---------------------------------------------------------------------------------------------------


def altered(at, change):
    """A function that changes the octet there in each rdata."""
    def apply(rdatas):
        return [r[:at] + bytes([change(r[at])]) + r[at + 1:] for r in rdatas]
    return apply


def other_ds_algorithm(rdatas):
    return [r[:2] + bytes([keys.P256 if r[2] != keys.P256 else keys.RSASHA256]) + r[3:] for r in rdatas]


def last_octet(rdatas):
    return [r[:-1] + bytes([r[-1] ^ 1]) for r in rdatas]


def key_broken(rdatas):
    """Its bits are others than at the parent; long RSA keys keep their exponent."""
    return [r[:20] + bytes([r[20] ^ 1]) + r[21:] for r in rdatas]


def sha256_wrong(rdatas):
    """SHA-1 right and SHA-256 wrong: the better one counts (RFC 4509 §3)."""
    return [r if r[3] == 1 else r[:-1] + bytes([r[-1] ^ 1]) for r in rdatas]


def of_no_key(rdatas):
    return [struct.pack("!H", 1) + r[2:-1] + b"x" for r in rdatas]


def unknown_beside_wrong(rdatas):
    return [r[:-1] + bytes([r[-1] ^ 1]) for r in rdatas] + [r[:2] + bytes([keys.UNKNOWN[-1]]) + r[3:] for r in rdatas]


def no_zone_key(key):
    key.flags &= ~keys.ZONE


def revoked(key):
    key.flags |= keys.REVOKE


def protocol_4(key):
    key.protocol = 4


def whole(name, **how):
    return Fault(name, everything, whole=True, **how)


OF_THE_CHAIN = [
    whole("DS with a wrong digest", ds=last_octet),
    whole("DS with a wrong tag", ds=altered(1, lambda o: o ^ 1)),
    whole("DS with a wrong algorithm", ds=other_ds_algorithm),
    whole("DS wrong beside an unknown one", ds=unknown_beside_wrong),
    whole("DS right by SHA-1 alone", ds=sha256_wrong, fits=lambda plan: plan.digests == [1, 2]),
    whole("no keys", keys=lambda rdatas: []),
    whole("no zone key", key=no_zone_key),
    whole("key revoked", key=revoked),
    whole("key protocol 4", key=protocol_4),
    whole("key broken", keys=key_broken),
    whole("DS of a key that is none of the zone's", ds=of_no_key),
]


# ---- Denials -------------------------------------------------------------------------------------------------------


def claims(*types):
    def apply(denial):
        if not denial.cut:
            denial.types |= set(types)
    return apply


def spans_nothing(denial):
    """Each record covers the smallest possible span behind itself."""
    if denial.kind == wire.NSEC:
        denial.next = b"\1\0" + denial.at
    else:
        denial.next = b"\x14" + (int.from_bytes(denial.at, "big") + 1).to_bytes(20, "big")


def span_without_names(step, plan):
    covered = step.how in (CUT, DELEGATION) and plan.opt_out or step.how == EMPTY and not plan.hashed
    return step.how in SPANS or covered


def types_claimed(step, plan):
    exact = (NODATA, WILDCARD_NODATA, EMPTY) if plan.hashed else (NODATA, WILDCARD_NODATA)
    return step.how in exact


def all_types_claimed(step, plan):
    return step.kind in ALL_TYPES and types_claimed(step, plan)


def names_denied(step, plan):
    """The delegations do not exist, says the zone: a denial for some, bogus for others."""
    return None if step.how in (CUT, DELEGATION) else False


def no_delegation(step, plan):
    """There is a name with nothing, says the zone, and no cut: a denial for some, bogus for others."""
    return None if step.how == DELEGATION else False


def no_delegation_nor_ds(step, plan):
    return step.how == CUT or no_delegation(step, plan)


def is_unsigned_cut(denial):
    return denial.cut and wire.DS not in denial.types


def ds_at_cuts(denial):
    if denial.cut:
        denial.types.add(wire.DS)


def soa_at_cuts(denial):
    if is_unsigned_cut(denial):
        denial.types.add(wire.SOA)


def no_ns_at_cuts(denial):
    if is_unsigned_cut(denial):
        denial.types.discard(wire.NS)


def unknown_flags(denial):
    denial.head = denial.head[:1] + b"\2" + denial.head[2:]


def needs_encloser(step, plan):
    """Whose proof has the apex's own record; others may need it for its span."""
    covered = plan.opt_out and step.how in (CUT, DELEGATION)
    if step.how == NODATA and step.name == step.apex:
        return True
    if step.how in SPANS or covered:
        return True if step.encloser == step.apex and step.how != WILDCARD else None
    return False


def hashed(plan):
    return plan.hashed


def delegates(plan):
    return plan.has_unsigned and not plan.opt_out


ALL_TYPES = [t for t in (*range(1, 128), 256, 257)
             if t not in (wire.NS, wire.CNAME, wire.SOA, wire.DNAME, wire.DS, wire.OPT)]
OF_DENIALS = [
    Fault("no denials", denied, no_chain=True),
    Fault("spans of nothing", span_without_names, denial=spans_nothing),
    Fault("bitmaps with all types", all_types_claimed, denial=claims(*ALL_TYPES)),
    Fault("bitmaps with CNAME", types_claimed, denial=claims(wire.CNAME)),
    Fault("bitmaps of cuts with DS", lambda step, plan: step.how in (CUT, DELEGATION),
          denial=ds_at_cuts, fits=delegates),
    Fault("bitmaps of cuts with SOA", no_delegation_nor_ds, denial=soa_at_cuts, fits=delegates),
    Fault("bitmaps of cuts without NS", no_delegation, denial=no_ns_at_cuts, fits=delegates),
    Fault("flags unknown", denied, denial=unknown_flags, fits=hashed),
    Fault("encloser without signature", needs_encloser, signature=stripped,
          where=lambda plan, name, number: number == wire.NSEC3 and name == plan.apex_owner, fits=hashed),
    Fault("cuts left out without opt-out", names_denied, fits=lambda plan: plan.hashed and delegates(plan)),
]
LEFT_OUT = OF_DENIALS[-1]
STRIPPED_SETS = next(f for f in OF_SIGNATURES if f.name == "stripped of sets")
DENYING_CUTS = ("bitmaps of cuts with SOA", "bitmaps of cuts without NS", LEFT_OUT.name)
ALL = OF_SIGNATURES + OF_THE_CHAIN + OF_DENIALS
