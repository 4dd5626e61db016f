#!/usr/bin/python3
"""Generates the world below the real root zone, for `scripts/lab --real-root`.

    world.py OUT [--shared DIR] [--seed N] [--names N]

The root zone and root-servers.net are the real ones. Below them every top-level domain that the shared name lists use
gets a zone at its real glue addresses, with registries such as co.uk, and every name of the lists gets a zone that
holds it. Everything else is invented from the seed: how a zone is delegated, who hosts it, what its names hold. A
domain's inventions depend on the seed and its own name, and not on what else there is (aliases to other domains
apart), so a world of fewer names (--names, a sample) is much like the whole one.

OUT/zones/*.zone, OUT/servers.tsv (the columns of zones/lab/servers.tsv; `@FILE` is a list of zones) and OUT/names, the
names of the lists that this world holds. truth.py says what a resolver must answer, from the zone files alone.
"""

import argparse
import ipaddress
import lzma
import pathlib
import random

LISTS = ("opendns-top-10k-20141106", "opendns-random-10k-20141106", "namebench-alexa2000-pageload-queries")
ROOT_FILE = "root/root-2026073102.zone.xz"
ROOT_SERVERS_FILE = "root/root-servers.net-2024101000.zone.xz"

# Second-level registries of country domains: their names belong to a domain only with a third label.
REGISTRIES = {"ac", "co", "com", "edu", "go", "gob", "gov", "gouv", "gv", "id", "in", "info", "ltd", "me", "mil", "ne",
              "net", "nom", "or", "org", "sch", "web"}

# Groups are NSD processes: `tld` has top-level domains and registries, the others domains.
HOSTING = ("hosting-a", "hosting-b")
POOL_IPV4, POOL_IPV6 = 400, 200  # addresses of each hosting group

PROVIDERS = 120
CDNS = 12
CDN_HOSTS = 40
PROVIDER_TLDS = ("com", "com", "com", "net", "net", "org", "de", "uk", "jp", "ru", "fr", "info", "eu", "nl")

LONG, DAY, HOUR = 172800, 86400, 3600


class Zone:
    def __init__(self, origin, servers, group=None):
        self.origin = origin
        self.servers = list(servers)  # the apex NS records
        self.extra_servers = []  # what only the parent names
        self.group = group  # None: the groups of its servers' addresses
        self.records = []  # (owner, ttl, type, rdata)
        self.cuts = []  # zones delegated from here


class World:
    """Zones by origin and hosts by name; names are lower case, without the last dot, the root is ''."""

    def __init__(self, seed):
        self.seed = seed
        self.zones = {}
        self.hosts = {}  # server name → addresses
        self.host_group = {}
        self.owners = {}  # owner → set of types that it has
        self.pools = {g: pool(n) for n, g in enumerate(HOSTING)}
        self.provider = []  # lists of server names
        self.edges = []  # the zones of content networks
        self.domains = []
        self.tld_pool = [f"198.18.200.{n}" for n in range(1, 61)]

    def chance(self, *what):
        """A source of randomness that depends on the seed and on what it is for."""
        return random.Random("/".join((str(self.seed), *what)))

    def add_zone(self, origin, servers, group=None):
        return self.zones.setdefault(origin, Zone(origin, servers, group))

    def add_host(self, name, group, ipv6, ipv4=True):
        """A name server with invented addresses of a hosting group."""
        if name not in self.hosts:
            r = self.chance("host", name)
            ipv4_pool, ipv6_pool = self.pools[group]
            self.hosts[name] = ([r.choice(ipv4_pool)] if ipv4 else []) + ([r.choice(ipv6_pool)] if ipv6 else [])
            self.host_group[name] = group
        return name

    def zone_above(self, name):
        """The deepest zone that a name lies in."""
        while name not in self.zones:
            name = name.partition(".")[2]
        return self.zones[name]

    def parent(self, zone):
        return self.zone_above(zone.origin.partition(".")[2])

    def add(self, owner, rtype, rdata, ttl):
        self.zone_above(owner).records.append((owner, ttl, rtype, rdata))
        self.owners.setdefault(owner, set()).add(rtype)

    def groups(self, zone):
        return {zone.group} if zone.group else {self.host_group[h] for h in zone.servers}


def pool(n):
    ipv4 = [f"198.18.{n * 2 + k // 200}.{k % 200 + 1}" for k in range(POOL_IPV4)]
    return ipv4, [f"2001:db8:5:{n}::{k + 1:x}" for k in range(POOL_IPV6)]


# ---- What there is: the real root and the names -----------------------------------------------------------------


def read_root(path):
    """The delegations of the root: TLD → server names, and server name → addresses."""
    servers, addresses = {}, {}
    with lzma.open(path, "rt") as text:
        for line in text:
            owner, _, _, rtype, *rdata = line.split()
            owner = owner.rstrip(".").lower()
            if rtype == "NS" and owner:
                servers.setdefault(owner, []).append(rdata[0].rstrip(".").lower())
            elif rtype in ("A", "AAAA"):
                addresses.setdefault(owner, []).append(str(ipaddress.ip_address(rdata[0])))
    return servers, addresses


def read_names(folder, limit, seed):
    """The names of the lists, in an order that the seed decides; at most `limit`."""
    names = set()
    for file in LISTS:
        with lzma.open(folder / f"{file}.txt.xz", "rt") as text:
            names.update(line.split()[-1].rstrip(".").lower() for line in text)
    names = sorted(names)
    random.Random(f"{seed}/names").shuffle(names)
    return names[:limit]


def domain_of(name):
    """The domain that somebody registered for this name: two labels, or three below a registry."""
    labels = name.split(".")
    registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in REGISTRIES
    return ".".join(labels[-3:] if registry else labels[-2:])


# ---- Top-level domains ------------------------------------------------------------------------------------------


def add_root(world, addresses):
    """The root's zones are written as they are; that they exist, and where, the others must know."""
    letters = [f"{c}.root-servers.net" for c in "abcdefghijklm"]
    world.zones[""] = Zone("", letters, "root")
    world.zones["root-servers.net"] = Zone("root-servers.net", letters, "root")
    for host in letters:
        world.hosts[host] = addresses[host]
        world.host_group[host] = "root"


def add_tlds(world, servers, addresses, used):
    """The TLDs in use, and those that hold the names of their servers, and so on."""
    todo = set(used)
    while todo:
        tld = todo.pop()
        world.add_zone(tld, servers[tld], "tld")
        for host in servers[tld]:
            world.hosts[host] = addresses[host]
            world.host_group[host] = "tld"
            above = host.rpartition(".")[2]
            if above not in world.zones:
                todo.add(above)


def add_registry(world, origin):
    """co.uk and the like: no cut at all, a cut to the parent's own servers, or to servers of its own."""
    r = world.chance("registry", origin)
    tld = origin.rpartition(".")[2]
    shape = r.random()
    if shape < 0.5:
        return
    servers = world.zones[tld].servers
    if shape > 0.75:
        servers = [f"{letter}.nic.{origin}" for letter in "abc"]
        for host in servers:
            world.hosts[host] = [r.choice(world.tld_pool)]
            world.host_group[host] = "tld"
    world.add_zone(origin, servers, "tld")


# ---- Those who serve others: hosting providers and content networks --------------------------------------------


def add_provider(world, n):
    """A provider's domain with its servers; every seventh names servers of another provider for its own zone."""
    r = world.chance("provider", str(n))
    origin = f"host{n}-dns.{r.choice(PROVIDER_TLDS)}"
    group = HOSTING[r.randrange(2)]
    ipv6 = r.random() < 0.6
    servers = [world.add_host(f"ns{k + 1}.{origin}", group, ipv6) for k in range(r.randint(2, 5))]
    glued = world.provider[n - n % 7] if n % 7 == 6 else servers
    world.add_zone(origin, glued)
    world.provider.append(servers)


def add_cdn(world, n):
    """A content network: an edge zone, cut below its domain by half of them, of many short-lived names."""
    r = world.chance("cdn", str(n))
    domain = f"cdn{n}-edge.{r.choice(('com', 'net'))}"
    group = HOSTING[n % 2]
    world.add_zone(domain, [world.add_host(f"ns{k}.{domain}", group, True) for k in range(1, 5)])
    edge = domain
    if r.random() < 0.5:
        edge = f"g.{domain}"
        world.add_zone(edge, [world.add_host(f"n{k}.{edge}", group, True) for k in range(1, 4)])
    world.edges.append(edge)


def fill_cdn(world, n, edge):
    for k in range(CDN_HOSTS):
        r = world.chance("edge", edge, str(k))
        name = f"e{k}.{edge}"
        if n > 0 and r.random() < 0.1:
            world.add(name, "CNAME", f"e{k}.{world.edges[n - 1]}.", 60)
        else:
            add_addresses(world, r, name, r.choice((20, 60, 300)))


# ---- Domains ----------------------------------------------------------------------------------------------------


def popular(r, count):
    """An index, the small ones far more often: hosting is concentrated."""
    return int(count ** r.random()) - 1


def own_servers(world, r, domain):
    group = HOSTING[r.randrange(2)]
    ipv6 = r.random() < 0.4
    return [world.add_host(f"ns{k}.{domain}", group, ipv6) for k in range(1, r.choice((2, 2, 2, 3, 4)) + 1)]


def elsewhere(world, r, domain):
    """A domain of its own in another TLD, only to name the servers: a delegation without glue."""
    label = domain.partition(".")[0]
    vanity = f"{label}-dns.{r.choice([t for t in ('com', 'net', 'org') if not domain.endswith(t)])}"
    servers = own_servers(world, r, vanity)
    world.add_zone(vanity, servers)
    return servers


def servers_of(world, r, domain):
    """Who serves a domain: a provider, itself, both, names in another TLD, two providers."""
    provider = world.provider[popular(r, PROVIDERS)]
    shape = r.random()
    if shape < 0.48:
        return provider[:r.randint(2, len(provider))]
    if shape < 0.80:
        return own_servers(world, r, domain)
    if shape < 0.88:
        own = own_servers(world, r, domain)
        return own[:1] + provider[:1]
    if shape < 0.95:
        return elsewhere(world, r, domain)
    return provider[:2] + world.provider[popular(r, PROVIDERS)][:2]


def add_domain(world, domain):
    r = world.chance("domain", domain)
    zone = world.add_zone(domain, dict.fromkeys(servers_of(world, r, domain)))
    groups = world.groups(zone)
    # One server more at the parent, which refuses: it has never heard of the zone.
    if r.random() < 0.01 and len(groups) == 1:
        strangers = [p for p in world.provider if world.host_group[p[0]] not in groups]
        zone.extra_servers = strangers[r.randrange(len(strangers))][:1]


def add_inner_cuts(world, name, domain):
    """Some names with two and more labels below their domain lie in a zone of their own."""
    below = name[:-len(domain)].rstrip(".").split(".")
    cut = f"{below[-1]}.{domain}"
    r = world.chance("cut", cut)
    if len(below) < 2 or cut in world.zones or cut in world.hosts or r.random() > 0.2:
        return
    world.add_zone(cut, world.zones[domain].servers if r.random() < 0.4 else own_servers(world, r, cut))


def add_addresses(world, r, name, ttl):
    for _ in range(r.choice((1, 1, 1, 2, 4))):
        world.add(name, "A", f"{r.randint(11, 99)}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}", ttl)
    if r.random() < 0.35:
        address = ipaddress.IPv6Address(0x2A00 << 112 | r.getrandbits(104))
        world.add(name, "AAAA", str(address), ttl)


def fill_domain(world, domain):
    """What a domain holds beside the names of the lists: addresses and mail at its apex, www."""
    r = world.chance("fill", domain)
    ttl = r.choice((300, HOUR, HOUR, 4 * HOUR, DAY))
    if r.random() < 0.85:
        add_addresses(world, r, domain, ttl)
    mail = f"mail.{domain}"
    if r.random() < 0.4 and mail not in world.zones and mail not in world.owners:
        world.add(domain, "MX", f"10 {mail}.", ttl)
        add_addresses(world, r, mail, ttl)
    elif r.random() < 0.5:
        provider = world.provider[popular(r, PROVIDERS)][0].partition(".")[2]
        world.add(domain, "MX", f"10 mx1.{provider}.", ttl)
        world.add(domain, "MX", f"20 mx2.{provider}.", ttl)


def fill_name(world, name, domain):
    """What a name of the lists holds: addresses, or an alias, within the domain or across zones."""
    if name in world.zones or name in world.owners:
        return
    r = world.chance("name", name)
    ttl = r.choice((60, 300, HOUR, HOUR, DAY))
    shape = r.random()
    if shape < 0.70:
        add_addresses(world, r, name, ttl)
    elif shape < 0.82:
        world.add(name, "CNAME", f"{domain}.", ttl)
    elif shape < 0.97:
        world.add(name, "CNAME", f"e{r.randrange(CDN_HOSTS)}.{world.edges[popular(r, CDNS)]}.", ttl)
    else:
        # An apex has no alias, so no chain of these comes back to itself.
        world.add(name, "CNAME", f"{r.choice(world.domains)}.", ttl)


def address_type(address):
    return "AAAA" if ":" in address else "A"


def fill_servers(world):
    """The addresses of all name servers, in the zones that their names lie in."""
    for host, addresses in world.hosts.items():
        if host in world.zones or world.owners.get(host):
            raise SystemExit(f"world: the name server {host} is something else as well")
        for address in addresses:
            world.add(host, address_type(address), address, DAY)
    for n in range(PROVIDERS):
        origin = world.provider[n][0].partition(".")[2]
        for mx in ("mx1", "mx2"):
            add_addresses(world, world.chance("mx", origin, mx), f"{mx}.{origin}", HOUR)


def build(seed, root, names):
    world = World(seed)
    servers, addresses = root
    add_root(world, addresses)
    add_tlds(world, servers, addresses, {n.rpartition(".")[2] for n in names} | set(PROVIDER_TLDS))
    domain = {n: domain_of(n) for n in names}
    for registry in sorted({d.partition(".")[2] for d in domain.values() if d.count(".") == 2}):
        add_registry(world, registry)
    for n in range(PROVIDERS):
        add_provider(world, n)
    for n in range(CDNS):
        add_cdn(world, n)
    # Not a zone of their own: registries, which are others', and domains that are name servers of a TLD.
    world.domains = sorted(d for d in set(domain.values()) if d not in world.zones and d not in world.hosts
                           and domain_of(f"x.{d}") == d)
    for d in world.domains:
        add_domain(world, d)
    for name in names:
        if domain[name] in world.zones and domain[name] != name:
            add_inner_cuts(world, name, domain[name])
    fill_servers(world)
    for n, edge in enumerate(world.edges):
        fill_cdn(world, n, edge)
    for d in world.domains:
        fill_domain(world, d)
    for name in names:
        if world.zone_above(name).group is None:
            fill_name(world, name, domain[name])
    for zone in world.zones.values():
        if zone.origin:
            world.parent(zone).cuts.append(zone)
    return world


# ---- The files --------------------------------------------------------------------------------------------------


def zone_text(world, zone):
    first = zone.servers[0]
    lines = [f"{zone.origin}. {HOUR} IN SOA {first}. hostmaster.{zone.origin}. 1 7200 3600 1209600 900"]
    lines += [f"{zone.origin}. {DAY} IN NS {host}." for host in zone.servers]
    lines += [f"{owner}. {ttl} IN {rtype} {rdata}" for owner, ttl, rtype, rdata in zone.records]
    glue = set()
    for cut in zone.cuts:
        hosts = cut.servers + cut.extra_servers
        lines += [f"{cut.origin}. {LONG} IN NS {host}." for host in hosts]
        glue.update(h for h in hosts if h.endswith(f".{zone.origin}") and world.zone_above(h) is not zone)
    for host in sorted(glue):
        lines += [f"{host}. {LONG} IN {address_type(a)} {a}" for a in world.hosts[host]]
    return "\n".join(lines) + "\n"


def write(world, out, shared):
    zones = out / "zones"
    zones.mkdir(parents=True)
    (zones / "root.zone").write_bytes(lzma.open(shared / ROOT_FILE).read())
    (zones / "root-servers.net.zone").write_bytes(lzma.open(shared / ROOT_SERVERS_FILE).read())
    addresses, served = {}, {"root": [".", "root-servers.net"]}
    for zone in world.zones.values():
        if zone.group == "root":
            continue
        (zones / f"{zone.origin}.zone").write_text(zone_text(world, zone))
        for group in world.groups(zone):
            served.setdefault(group, []).append(zone.origin)
    for host, its in world.hosts.items():
        addresses.setdefault(world.host_group[host], []).extend(its)
    with open(out / "servers.tsv", "w") as table:
        for group in ("root", "tld", *HOSTING):
            (out / f"{group}.zones").write_text("".join(f"{z}\n" for z in served[group]))
            print(group, " ".join(dict.fromkeys(addresses[group])), f"@{group}.zones", sep="\t", file=table)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out", type=pathlib.Path)
    options.add_argument("--shared", type=pathlib.Path, required=True)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--names", type=int)
    o = options.parse_args()
    data = o.shared / "data"
    root = read_root(data / ROOT_FILE)
    names = [n for n in read_names(data / "names", o.names, o.seed) if n.rpartition(".")[2] in root[0]]
    world = build(o.seed, root, names)
    write(world, o.out, data)
    (o.out / "names").write_text("".join(f"{n}\n" for n in names))
    print(f"{len(names)} names in {len(world.zones)} zones, {len(world.hosts)} name servers")


if __name__ == "__main__":
    main()
