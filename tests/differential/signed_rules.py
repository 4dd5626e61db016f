"""Differences in the signed world that are explained, as in rules.py. What the zones hold, proven, is proof.py's."""

import faults
import keys
import signing
import wire
from compare import same
from rules import ALIASES_MAX, Rule, failed


def plans(case):
    return [zone.signing for zone in case.zones() if zone.signing]


def as_held(case):
    return case.truth is not None and same(case.ours, case.truth)


def signed_with_sha1(case):
    return as_held(case) and any(key.algorithm in keys.SHA1 for plan in plans(case) for key in plan.keys)


def many_iterations(case):
    return as_held(case) and any(signing.ITERATIONS_MAX < plan.iterations for plan in plans(case))


def chain_too_long(case):
    held = len(case.truth.chain) if case.truth else 0
    return failed(case.ours) and max(held, case.longest_chain()) > ALIASES_MAX


def has_fault(case, *names):
    return any(plan.fault.name in names for plan in plans(case))


def denied_cut(case):
    """Below a delegation that its own parent denies: what is proven depends on what was asked before."""
    return case.truth is None and has_fault(case, *faults.DENYING_CUTS)


def asked_although_denied(case):
    return case.question.flags & wire.FLAG_CD and as_held(case) and has_fault(case, *faults.DENYING_CUTS)


RULES = [
    Rule("a chain over the limit fails", "RFC 1034 5.2.2, 5.3.3",
         "Eleven aliases are followed (limits L7); named ends there too, unbound and knot later.", chain_too_long,
         "budget/twelve_aliases_are_too_many"),
    Rule("RSA with SHA-1 proves nothing", "RFC 9905 4",
         "A zone that has no other algorithm is taken for unsigned; the peers of 2023 still check it.",
         signed_with_sha1,
         "dnssec-signature/algorithm_5_is_insecure"),
    Rule("many iterations prove nothing", "RFC 9276 3.2",
         "Denials of more than 50 iterations are insecure; unbound and named take up to 150.", many_iterations,
         "dnssec-nsec3/iterations_above_the_limit_are_insecure"),
    Rule("NSEC3 with unknown flags is none", "RFC 5155 8.2",
         "It is ignored, so that nothing is denied; knot and named use it.",
         lambda c: as_held(c) and has_fault(c, "flags unknown"), "dnssec-nsec3/unknown_flags_are_bogus"),
    Rule("a cut that the parent's denial does not show", "RFC 6840 4.4",
         "NSEC without NS, or with SOA, at a delegation: bogus for who comes by the referral, while from the cache it "
         "denies the names below.", denied_cut, "dnssec-delegation/nsec_without_ns_is_bogus"),
    Rule("with CD the servers are asked", "RFC 4035 3.2.2",
         "Where a denial says that the zone below does not exist, the peers answer from it.", asked_although_denied,
         "dnssec-aggressive/client_with_cd_has_the_servers_asked"),
    Rule("an alias made of a DNAME is kept without it", "RFC 6672 3.4",
         "A DNAME that is not proven serves the name that it came for; from the cache its CNAME comes alone.",
         lambda c: same(c.ours, c.most), "dname/unsigned_serves_the_name_it_came_for_only"),
    Rule("what the zones hold", "RFC 4035 5", "Our answer is what the zones hold and prove; the peers' is not.",
         as_held),
]
