"""Whose token it is: the one check that every rival written in Python makes of a handshake."""

import os
from urllib.parse import parse_qs

import jwt

SECRET = os.environ.get("BENCH_SECRET", "")
CONNECTED = '{"type":"connected","data":{"message":"Welcome!","seq":1000000,"epoch":"0123456789ab","resumed":false,"heartbeat_interval":30.0}}'


def user_of(query_string: bytes) -> int:
    """The user's number. Raises what PyJWT raises."""
    token = parse_qs(query_string.decode())["token"][0]
    return int(jwt.decode(token, SECRET, algorithms=["HS256"])["user_id"])
