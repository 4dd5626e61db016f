#!/usr/bin/python3
"""What a resolver must answer in a generated world, walked in its zone files and nothing else.

    truth.py WORLD       writes WORLD/truth.tsv

A line for each name of WORLD/names and each of A, AAAA, MX, and for one name below each fiftieth that does not exist:
name, type, rcode, then the records of the answer section (aliases first), each `OWNER TYPE RDATA`, parted by tabs.

The walk goes from the root as a resolver does: at a cut it needs a server whose address serves the child zone, or it
says so and fails, so that a world with a delegation that leads nowhere is noticed here and not blamed on a resolver.
"""

import functools
import ipaddress
import pathlib
import sys

TYPES = ("A", "AAAA", "MX")
CHAIN_MAX = 12


class Zone:
    """The records of one zone file: owner → type → set of rdata; owners that only lead to others have no types."""

    def __init__(self, origin, path):
        self.origin = origin
        self.nodes = {}
        with open(path) as lines:
            for line in lines:
                owner, _, _, rtype, rdata = line.split(None, 4)
                owner = owner.rstrip(".").lower()
                self.nodes.setdefault(owner, {}).setdefault(rtype, set()).add(tidy(rdata, rtype))
        for owner in list(self.nodes):
            while owner != origin:
                owner = owner.partition(".")[2]
                if owner in self.nodes:
                    break
                self.nodes[owner] = {}

    def cut_above(self, name):
        """The highest cut on the way from the apex to the name; None: the zone itself knows."""
        labels = name.split(".") if name else []
        depth = len(self.origin.split(".")) if self.origin else 0
        for start in range(len(labels) - depth - 1, -1, -1):
            owner = ".".join(labels[start:])
            if "NS" in self.nodes.get(owner, {}):
                return owner
        return None


def tidy(rdata, rtype):
    """Names and addresses as others write them: lower case, blanks single."""
    return " ".join(rdata.split()).lower() if rtype in ("NS", "CNAME", "MX", "A", "AAAA") else rdata


class World:
    def __init__(self, folder):
        self.folder = folder
        self.served = {}  # address → zones
        self.reachable = {}  # cut → whether a server of it was found
        for line in (folder / "servers.tsv").read_text().splitlines():
            _, addresses, zones = line.split("\t")
            zones = set((folder / zones[1:]).read_text().split())
            for address in addresses.split():
                self.served.setdefault(canonical(address), set()).update(zones)

    @functools.lru_cache(maxsize=None)
    def zone(self, origin):
        return Zone(origin, self.folder / "zones" / f"{origin or 'root'}.zone")

    @functools.lru_cache(maxsize=None)
    def enter(self, parent, cut):
        """The zone at a cut of a parent, whose servers must be found and serve it. None: no way in."""
        if cut not in self.reachable:
            self.reachable[cut] = False  # a circle of name servers leads nowhere
            self.reachable[cut] = any(
                cut in self.served.get(canonical(address), ())
                for host in self.zone(parent).nodes[cut]["NS"]
                for address in self.addresses(parent, host.rstrip(".")))
        return self.zone(cut) if self.reachable[cut] else None

    def addresses(self, parent, host):
        """Those that the parent gives along, or those that a walk finds."""
        node = self.zone(parent).nodes.get(host, {})
        glue = node.get("A", set()) | node.get("AAAA", set())
        if glue and host.endswith(f".{parent}" if parent else ""):
            return glue
        return {a for rtype in ("A", "AAAA") for o, t, a in self.ask(host, rtype)[1] if t == rtype}

    def closest(self, name):
        """The zone that answers for a name."""
        zone = self.zone("")
        while True:
            cut = zone.cut_above(name)
            if cut is None:
                return zone
            below = self.enter(zone.origin, cut)
            if below is None:
                return None
            zone = below

    def ask(self, name, rtype):
        """(rcode, records of the answer)."""
        chain = []
        for _ in range(CHAIN_MAX):
            zone = self.closest(name)
            if zone is None:
                return "SERVFAIL", []
            node = zone.nodes.get(name)
            if node is None:
                return "NXDOMAIN", chain
            if "CNAME" not in node:
                return "NOERROR", chain + sorted((name, rtype, rdata) for rdata in node.get(rtype, ()))
            (target,) = node["CNAME"]
            chain.append((name, "CNAME", target))
            name = target.rstrip(".")
        raise SystemExit(f"truth: the aliases of {chain[0][0]} have no end")


@functools.lru_cache(maxsize=None)
def canonical(address):
    return str(ipaddress.ip_address(address))


def line_of(name, rtype, rcode, records):
    return "\t".join((name, rtype, rcode, *(" ".join(record) for record in records)))


def main():
    folder = pathlib.Path(sys.argv[1])
    world = World(folder)
    names = (folder / "names").read_text().split()
    with open(folder / "truth.tsv", "w") as out:
        for n, name in enumerate(names):
            for rtype in TYPES:
                print(line_of(name, rtype, *world.ask(name, rtype)), file=out)
            if n % 50 == 0:
                missing = f"no-such-name.{name}"
                print(line_of(missing, "A", *world.ask(missing, "A")), file=out)
    nowhere = sorted(zone for zone, reachable in world.reachable.items() if not reachable)
    if nowhere:
        raise SystemExit(f"truth: no way into {' '.join(nowhere)}")


if __name__ == "__main__":
    main()
