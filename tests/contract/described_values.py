"""Which requests schemathesis does not make; it loads this itself (SCHEMATHESIS_HOOKS)."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def filter_query(context: Any, query: Any) -> bool:
    """A parameter without a value counts as left out (`allowEmptyValue`), which schemathesis takes for wrong."""
    return not any(value in ("", [""]) for value in (query or {}).values())
