#!/usr/bin/python3
"""Takes queries at the addresses named as arguments and never answers, over UDP and TCP: dead servers.

An address where nothing listens would be refused at once by the kernel, which is another thing.
"""

import signal
import socket
import sys

IPV6_FREEBIND = 78  # Linux; Python does not name it

held = []
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        s.bind((address, 53))
        if kind == socket.SOCK_STREAM:
            s.listen(16)
        held.append(s)
signal.pause()
