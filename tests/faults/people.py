"""Makes people in a server's own database, and prints as JSON their tokens by number, and a service key.

python -m tests.faults.people <how many>
"""

from __future__ import annotations

import json
import secrets
import sys

import django

django.setup()

from accounts import service_keys, tokens  # noqa: E402
from accounts.models import Role, User  # noqa: E402


def main(count: int) -> None:
    people = User.objects.bulk_create(
        User(username=f"townsman-{secrets.token_hex(8)}", display_name=f"Townsman {number}", password="!", role=Role.MEMBER) for number in range(count)
    )
    _key, text = service_keys.make(name="the writer", scopes=["notifications"])
    print(json.dumps({"people": {user.pk: tokens.issue(user)[0] for user in people}, "key": text}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
