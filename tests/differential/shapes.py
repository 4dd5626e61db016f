"""How zones are delegated: glue or none, right or wrong, servers that are good, lame, dead or odd.

Each shape is a function of (world, zone) that fills in what the parent says (parent_ns, glue), what the child says
(child_ns, address records of its own) and who serves it (groups, odd).
"""

import odd


def name_server(zone, name, addresses, glue):
    """A server of the zone by a name within it."""
    zone.parent_ns.append(name)
    if glue:
        zone.glue[name] = list(addresses)
    for address in addresses:
        zone.add(name, "AAAA" if ":" in address else "A", address, 3600)


def within(w, zone):
    """A new name within the zone."""
    return w.fresh(zone.name)


def choose(w, zone):
    return w.rng.choices(list(w.mix), list(w.mix.values()))[0]


def other_group(w, zone):
    return w.rng.choice([g for g in w.groups if g.startswith("host") and g not in zone.groups])


# ---- All is well -------------------------------------------------------------------------------------------------


def inside(w, zone, group=None):
    """Servers within the zone, with glue."""
    group = group or w.group()
    zone.groups = {group}
    for address in w.addresses(group, w.rng.randint(1, 3)):
        name_server(zone, within(w, zone), [address], glue=True)


def same_server(w, zone):
    """Parent and child on one server, so that no referral stands between them."""
    parent = w.zones[zone.parent]
    zone.groups = set(parent.groups)
    zone.parent_ns, zone.glue = list(parent.parent_ns), {}
    if parent.name == "." or parent.shape.startswith("circle"):
        inside(w, zone)


def sibling(w, zone):
    """Servers in another zone of the parent, of which the parent has the addresses."""
    parent = w.zones[zone.parent]
    others = [z for z in w.hosts if z.parent == parent.name]
    if not others:
        return inside(w, zone)
    group, other = w.group(), w.rng.choice(others)
    zone.groups = {group}
    for address in w.addresses(group, 2):
        name = w.fresh(other.name)
        other.add(name, "AAAA" if ":" in address else "A", address, 3600)
        zone.parent_ns.append(name)
        zone.glue[name] = [address]
    return None


def glueless(w, zone):
    group = w.group()
    zone.groups = {group}
    zone.parent_ns = sorted({w.hosted_name(group, w.tld_of(zone.name)) for _ in range(w.rng.randint(1, 3))})


def partly_glueless(w, zone):
    inside(w, zone)
    zone.parent_ns.append(w.hosted_name(next(iter(zone.groups))))


def glueless_chain(w, zone, depth=None):
    """Its server is in a zone whose server is in a zone …, none with glue."""
    depth = depth or w.rng.randint(2, 3)
    group = w.group()
    zone.groups = {group}
    tld = w.rng.choice([t for t in w.tlds if t != w.tld_of(zone.name)])
    below = w.new_zone(w.fresh(tld), tld)
    below.shape = "glueless_chain"
    if depth > 1:
        glueless_chain(w, below, depth - 1)
    else:
        inside(w, below)
    name = within(w, below)
    below.add(name, "A", w.addresses(group, 1, 4)[0], 3600)
    zone.parent_ns = [name]


def many_servers(w, zone):
    group = w.group()
    zone.groups = {group}
    for address in w.addresses(group, w.rng.randint(9, 14), 4):
        name_server(zone, within(w, zone), [address], glue=True)


def one_address_many_names(w, zone):
    group = w.group()
    zone.groups = {group}
    address = w.addresses(group, 1, 4)
    for _ in range(5):
        name_server(zone, within(w, zone), address, glue=True)


def only_ipv6(w, zone):
    group = w.group()
    zone.groups = {group}
    for address in w.addresses(group, 2, 6):
        name_server(zone, within(w, zone), [address], glue=True)


def two_groups(w, zone):
    """Two servers that have nothing in common but the zone."""
    inside(w, zone)
    group = other_group(w, zone)
    zone.groups = zone.groups | {group}
    name_server(zone, within(w, zone), w.addresses(group, 1, 4), glue=True)


# ---- Parent and child differ --------------------------------------------------------------------------------------


def child_names_others(w, zone):
    inside(w, zone)
    zone.child_ns = [w.hosted_name(next(iter(zone.groups)))]


def child_names_more(w, zone):
    inside(w, zone)
    zone.child_ns = zone.parent_ns + [w.hosted_name(next(iter(zone.groups)))]


def child_names_lame(w, zone):
    """The child's own NS set leads to a server that refuses."""
    inside(w, zone)
    zone.child_ns = [w.hosted_name(other_group(w, zone))]


def parent_names_lame_too(w, zone):
    """The parent still names a server that refuses; the child does not."""
    inside(w, zone)
    zone.child_ns = list(zone.parent_ns)
    zone.parent_ns.append(w.hosted_name(other_group(w, zone)))


# ---- Glue that misleads or misses ---------------------------------------------------------------------------------


def glue_missing(w, zone):
    """Servers within the zone and no glue at all: nobody gets in."""
    inside(w, zone)
    zone.glue = {}


def glue_missing_of_one(w, zone):
    inside(w, zone)
    name_server(zone, within(w, zone), w.addresses(next(iter(zone.groups)), 1, 4), glue=False)


def glue_wrong(w, zone):
    """All glue leads to servers that refuse."""
    inside(w, zone)
    zone.glue = {name: w.addresses(other_group(w, zone), 1, 4) for name in zone.glue}


def glue_wrong_of_sisters(w, zone):
    """The parent has old addresses of servers that are named in another zone, which knows better."""
    sibling(w, zone)
    if not any(name.endswith("." + zone.name) for name in zone.glue):
        zone.glue = {name: w.addresses(other_group(w, zone), 1, 4) for name in zone.glue}


def glue_wrong_of_one(w, zone):
    inside(w, zone)
    name = within(w, zone)
    name_server(zone, name, w.addresses(next(iter(zone.groups)), 1, 4), glue=True)
    zone.glue[name] = w.addresses(other_group(w, zone), 1, 4)


# ---- Names of servers that lead nowhere ----------------------------------------------------------------------------


def circle(w, zone):
    """Two zones, each with its servers in the other."""
    tld = w.rng.choice([t for t in w.tlds if t != w.tld_of(zone.name)])
    other = w.new_zone(w.fresh(tld), tld)
    for z, o in ((zone, other), (other, zone)):
        z.shape, z.groups = "circle", {w.group()}
        name = within(w, o)
        o.add(name, "A", w.addresses(next(iter(z.groups)), 1, 4)[0], 3600)
        z.parent_ns = [name]


def circle_with_a_way_out(w, zone):
    circle(w, zone)
    name_server(zone, within(w, zone), w.addresses(next(iter(zone.groups)), 1, 4), glue=True)


def server_name_is_alias(w, zone):
    group = w.group()
    zone.groups = {group}
    host = w.rng.choice(w.hosts)
    name = w.fresh(host.name)
    host.add(name, "CNAME", w.hosted_name(group), 3600)
    zone.parent_ns = [name]


def server_name_missing(w, zone):
    zone.groups = {w.group()}
    zone.parent_ns = [w.fresh(w.rng.choice(w.hosts).name)]


def server_name_missing_of_one(w, zone):
    inside(w, zone)
    zone.parent_ns.append(w.fresh(w.rng.choice(w.hosts).name))


# ---- Lame, dead, odd ----------------------------------------------------------------------------------------------


def lame(w, zone):
    """Every server refuses."""
    group = w.group()
    for address in w.addresses(group, 2, 4):
        name_server(zone, within(w, zone), [address], glue=True)
    zone.groups = set()


def lame_one(w, zone):
    inside(w, zone)
    name_server(zone, within(w, zone), w.addresses(other_group(w, zone), 1, 4), glue=True)


def dead(w, zone):
    from world import SILENT
    for address in w.rng.sample(SILENT[:6], 2):
        name_server(zone, within(w, zone), [address], glue=True)
    zone.groups = set()


def dead_one(w, zone):
    from world import SILENT
    inside(w, zone)
    name_server(zone, within(w, zone), [w.rng.choice(SILENT)], glue=True)


def dead_ipv6(w, zone):
    from world import SILENT
    inside(w, zone, None)
    name = zone.parent_ns[0]
    address = w.rng.choice(SILENT[6:])
    zone.glue[name].append(address)
    zone.add(name, "AAAA", address, 3600)


def odd_address(w, behaviour):
    n = sorted(odd.BEHAVIOURS).index(behaviour)
    address = f"21.200.{n}.{w.rng.randint(1, 2)}"
    w.odd_addresses[address] = behaviour
    return address


def odd_server(w, zone):
    """One server, an odd one."""
    zone.odd = w.rng.choice(sorted(odd.BEHAVIOURS))
    name_server(zone, within(w, zone), [odd_address(w, zone.odd)], glue=True)


def odd_one(w, zone):
    """A good server and one that fails in some way."""
    behaviour = w.rng.choice(("servfail", "notimp", "formerr", "empty", "upward", "to_itself", "tcp_only",
                              "formerr_on_edns", "udp_cut_tcp_dead", "lower_case", "refuses_probes"))
    zone.odd = behaviour
    inside(w, zone)
    name_server(zone, within(w, zone), [odd_address(w, behaviour)], glue=True)


# Of those by which every zone can be reached.
GOOD_SHAPES = {
    inside: 40, same_server: 25, sibling: 6, glueless: 10, partly_glueless: 4, many_servers: 1, only_ipv6: 2,
    two_groups: 6, child_names_others: 3, child_names_more: 3,
}
SHAPES = {
    inside: 30, same_server: 10, sibling: 6, glueless: 10, partly_glueless: 4, glueless_chain: 2, many_servers: 1,
    one_address_many_names: 1, only_ipv6: 2, two_groups: 4, child_names_others: 3, child_names_more: 2,
    child_names_lame: 2, parent_names_lame_too: 2, glue_missing: 1, glue_missing_of_one: 1, glue_wrong: 1,
    glue_wrong_of_sisters: 1, glue_wrong_of_one: 1, circle: 0.5, circle_with_a_way_out: 0.5, server_name_is_alias: 0.3,
    server_name_missing: 0.7, server_name_missing_of_one: 1, lame: 1, lame_one: 2, dead: 0.15, dead_one: 1,
    dead_ipv6: 1, odd_server: 4, odd_one: 2,
}
