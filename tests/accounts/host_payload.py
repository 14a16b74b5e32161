"""What a token of the host site's own login says."""

import time


def payload(user, **changes):
    """Claims of a token for that user, good for a minute. `changes` replace some; `...` leaves one out."""
    now = int(time.time())
    full = {"user_id": user.pk, "iat": now, "exp": now + 60}
    return {name: value for name, value in {**full, **changes}.items() if value is not ...}
