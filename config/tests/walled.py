"""A program inside a wall: `python -m config.tests.walled NOTES MODULE`.

Whatever it tries to reach beyond this machine, or to look up, is refused and written into NOTES, a line for each. What
Python's own sockets do is seen, by whichever library; a library that opens sockets in C, as libpq does, is not, and
uvloop, which would, is put out of the way.
"""

from __future__ import annotations

import os
import runpy
import sys
from ipaddress import ip_address
from typing import Any

LOOKED_UP = {"socket.getaddrinfo", "socket.gethostbyname"}
REACHED = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def build(notes: int) -> None:
    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in LOOKED_UP:
            host = arguments[0]
        elif event in REACHED and isinstance(arguments[1], tuple):
            host = arguments[1][0]
        else:
            return
        if not is_here(host):
            os.write(notes, f"{event} {host}\n".encode())
            raise PermissionError(f"{event} {host}: there is a wall.")

    sys.addaudithook(hear)


def is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # Who would import it goes without.
    build(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
