"""Differences that are explained: a predicate over a case, and the section that lets both sides be right, or says who is
wrong. A rule that covers more than 0.1 % of the questions names the scenario that shows what we do."""

import dataclasses
from typing import Callable


@dataclasses.dataclass
class Rule:
    name: str
    section: str
    why: str
    holds: Callable
    scenario: str = ""


RULES = []


def explain(case):
    """The first rule that holds, or None."""
    return next((rule for rule in RULES if rule.holds(case)), None)
