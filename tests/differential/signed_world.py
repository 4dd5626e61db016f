"""A world in which most zones are signed, a tenth of them with a fault. Its zones can all be reached."""

import pathlib
import random

import faults
import shapes
import signer
import signing
from world import World


class SignedWorld(World):
    def __init__(self, seed, zones):
        super().__init__(seed, zones, shapes.GOOD_SHAPES)
        signing.Planner(self, random.Random(f"signing {seed}")).all()
        children = self.children()
        self.texts = {name: signer.SignedZone(zone, children[name]).lines() for name, zone in self.zones.items()}
        self.anchor = signer.anchor(self.zones["."])

    def summary(self):
        plans = [z.signing for z in self.zones.values() if z.signing]
        broken = [p.fault.name for p in plans if p.fault.name]
        return (f"{len(plans)} zones signed with {len({k.algorithm for p in plans for k in p.keys})} algorithms, "
                f"{sum(p.hashed for p in plans)} NSEC3 of which {sum(p.opt_out for p in plans)} opt-out, {len(broken)} "
                f"broken in {len(set(broken))} of {len(faults.ALL)} ways")

    def lines(self, zone, children):
        return self.texts[zone.name]

    @staticmethod
    def features(zone):
        plan = zone.signing
        return World.features(zone) | (plan.features() if plan else {"unsigned"})

    def write(self, folder):
        super().write(folder)
        (pathlib.Path(folder) / "root.key").write_text(f". 86400 IN DS {self.anchor}\n", encoding="ascii")
