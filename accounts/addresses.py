"""Where a request comes from."""

from __future__ import annotations

import ipaddress
from typing import Final

from django.http import HttpRequest
from rest_framework.request import Request

UNKNOWN: Final = "0.0.0.0"  # noqa: S104 - shown, not bound to


def client_address(request: HttpRequest | Request) -> str:
    """The client's address, always a valid one (`UNKNOWN` if there is none, as on a unix socket).

    Only what the server says counts; what a trusted proxy has forwarded, it has put there already.
    """
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "").strip())
    except ValueError:
        return UNKNOWN
    return str(getattr(address, "ipv4_mapped", None) or address)


def neighbourhood(address: str) -> str:
    """What one customer of a network has to itself: an IPv4 address, or the first half of one of IPv6.

    Limits count by it, for everybody with IPv6 commands 2^64 addresses. Other text stays as it is.
    """
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return str(known)
    return str(ipaddress.ip_network((known, 64), strict=False))
