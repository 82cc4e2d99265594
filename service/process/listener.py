"""The listening socket: opened before the model loads, closed without losing a connection."""

import contextlib
import ctypes
import socket
import struct
import sys
from collections.abc import Iterator

from pricerange.errors import SettingsError

_SO_ATTACH_FILTER = 26  # linux/asm-generic/socket.h
_DROP_SYN = (  # classic BPF on a TCP segment: (instruction, jump if true, jump if false, operand)
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # keep 0 bytes: drop it
    (0x06, 0, 0, 0x7FFF_FFFF),  # keep it all
)
BACKLOG = 2048
"""Connections that wait to be accepted, in the kernel."""


def bind(host: str, port: int) -> socket.socket:
    """Take the address, from now on clients wait there. Raises `SettingsError` where it is not free."""
    listener = _bound(host, port, "port", socket.SO_REUSEADDR)
    listener.listen(BACKLOG)
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """Hold the address for servers of this process and its children, which listen there by SO_REUSEPORT.

    Raises `SettingsError` where it is not free.
    """
    if port:
        # with SO_REUSEPORT it could be shared with a stranger of the same user
        _bound(host, port, "grpc_port", socket.SO_REUSEADDR).close()
    return _bound(host, port, "grpc_port", socket.SO_REUSEPORT)


def _bound(host: str, port: int, setting: str, option: int) -> socket.socket:
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise SettingsError("host", f"an address or a name that has one ({error.strerror})", host) from error
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise SettingsError(
            f"host and {setting}", f"a free address ({error.strerror})", f"{host}:{port}"
        ) from error
    return bound


def address_text(host: str, port: int) -> str:
    """Write an address and a port as URLs do."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def refuse_newcomers(listener: socket.socket) -> None:
    """Let the kernel drop each packet that asks for a connection, so that no further one is begun.

    Between the last `accept` and `close` a client could otherwise still connect, send its request and be
    reset. A dropped SYN is sent again, and refused once the listener is closed. Handshakes that are under
    way end as usual, their connections are to be accepted; established ones have sockets of their own.
    The filter is on the kernel's socket: all processes share it.
    """
    if sys.platform != "linux":
        return
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in _DROP_SYN))
    program = _Program(len(_DROP_SYN), ctypes.addressof(code))
    with contextlib.suppress(OSError):  # a sandbox or an old kernel without filters leaves the moment open
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(program))


def waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Take the connections that the kernel has accepted and nobody has asked for yet, as far as they fit."""
    listener.setblocking(False)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # there are no more, or no descriptors for them
            return
        connection.setblocking(False)
        yield connection


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))
