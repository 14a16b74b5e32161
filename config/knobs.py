"""How an option's text is read: what makes sense of it, and what it should look like in words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from email.utils import parseaddr
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from accounts import redis_hosts


def knob(default: Any, parse: Callable[[str], Any] | None = None, expect: str = "") -> Any:
    """Declare an option: its default, and where the type alone is not enough, how to read it."""
    return field(default=default, metadata={"parse": parse, "expect": expect})


def seconds(low: float, high: float) -> dict[str, Any]:
    """How to read a duration between `low` and `high` seconds."""

    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return {"parse": parse, "expect": f"a number of seconds from {low:.15g} to {high:.15g}"}


def whole(low: int, high: int) -> dict[str, Any]:
    """How to read a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return {"parse": parse, "expect": f"a whole number from {low} to {high}"}


def origins(text: str) -> tuple[str, ...]:
    """Read origins of pages, each as a browser sends it."""
    found = _words(text.lower())
    for origin in found:
        parts = urlsplit(origin)
        # What a browser sends, to the letter: the port is read here only to have a wrong one refused.
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin:
            raise ValueError(origin)
    return found


def hosts(text: str) -> tuple[str, ...]:
    """Read host names; one that begins with a dot stands for all below it."""
    found = _words(text.lower())
    for host in found:
        if host != "*" and not re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*\.?|\[[0-9a-f:.]+\]", host):
            raise ValueError(host)
    return found


def networks(text: str) -> tuple[str, ...]:
    """Read networks and single addresses."""
    return tuple(str(ipaddress.ip_network(word, strict=False)) for word in _words(text))


def url(*schemes: str) -> Callable[[str], str]:
    """How to read an address with one of these schemes."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        nowhere = not (parts.hostname or parts.path.strip("/"))
        if parts.scheme not in schemes or nowhere or parts.port == 0:
            raise ValueError(text)
        return text

    return parse


def mail_server(text: str) -> str:
    """Read where mails go."""
    if text != "console" and not urlsplit(url("smtp", "smtp+tls", "smtps")(text)).hostname:
        raise ValueError(text)
    return text


def sender(text: str) -> str:
    """Read whom mails come from: an address, with or without a name."""
    _name, address = parseaddr(text)
    if any(ord(each) < 32 for each in text):
        raise ValueError(text)
    try:
        validate_email(address)
    except ValidationError:
        raise ValueError(text) from None
    return text


def label(text: str) -> str:
    """Read a name to be shown, of one line."""
    if len(text) > 100 or not text.isprintable():
        raise ValueError(text)
    return text


def language(text: str) -> str:
    """Read one of the languages we speak."""
    if text not in ("en", "zh-hans"):
        raise ValueError(text)
    return text


def read(name: str, text: str, hint: object, metadata: Mapping[str, Any]) -> Any:
    """The value of the option `name` of the type `hint`. Raises ImproperlyConfigured."""
    parse = metadata.get("parse") or _PLAIN.get(hint, (str, "text"))[0]
    try:
        return parse(text)
    except (ValueError, KeyError):
        # A secret that is wrong is still a secret, and an address may hold a password: neither may
        # stand in the message, nor in the error that led to it.
        shown = "its value" if name.endswith("_TOKEN") or any(word in name for word in ("SECRET", "KEY", "URL")) else repr(text[:100])
        raise ImproperlyConfigured(f"{name}: {shown} is not understood; it should be {expectation(hint, metadata)}.") from None


def expectation(hint: object, metadata: Mapping[str, Any]) -> str:
    """What the text of an option of that type should look like, in words."""
    return str(metadata.get("expect") or _PLAIN.get(hint, (str, "text"))[1])


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text) if word)


def _flag(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False, "": False}[text.lower()]


def _rate(text: str) -> tuple[int, float]:
    count, _, per = text.partition("/")
    limit, window = int(count), {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[per[:1]]
    if limit < 0:
        raise ValueError(text)
    return limit, window


def _secret(text: str) -> str:
    if text and len(text) < 32:
        raise ValueError(text)
    return text


def _redis(text: str) -> str:
    if urlsplit(text).scheme in redis_hosts.SENTINEL:
        redis_hosts.sentinels(text)
        return text
    if "," in urlsplit(text).netloc.rpartition("@")[2]:
        raise ValueError(text)
    return url("redis", "rediss", "unix")(text)


def _redis_hosts(text: str) -> tuple[str, ...]:
    # Only a comma before a scheme parts two: an address with Sentinels has some of its own.
    found = tuple(_redis(each) for each in re.split(r"[,\s]+(?=\w+://)", text.strip(", ")))
    if len(set(found)) < len(found):
        raise ValueError(text)
    return found


RATE: Final[dict[str, Any]] = {"parse": _rate, "expect": "count/s, count/m, count/h or count/d, such as 20/m; 0/m means no limit"}
SECRET: Final[dict[str, Any]] = {"parse": _secret, "expect": "at least 32 characters"}
REDIS: Final[dict[str, Any]] = {
    "parse": _redis,
    "expect": "redis://host:6379/0, rediss://… (TLS), unix:///path, or sentinel://host:26379,host:26379/master, sentinels://… (TLS)",
}
REDIS_HOSTS: Final[dict[str, Any]] = {"parse": _redis_hosts, "expect": "addresses as of REDIS_URL, separated by commas, each once"}
_PLAIN: Final[Mapping[object, tuple[Callable[[str], Any], str]]] = {
    bool: (_flag, "1 or 0"),
    int: (int, "a whole number"),
    float: (float, "a number"),
}
