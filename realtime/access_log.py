"""Uvicorn's log lines, without what must not stand there."""

from __future__ import annotations

import logging


class WithoutQuery(logging.Filter):
    """Cuts query strings, which may hold a token, out of Uvicorn's log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


def keep_queries_out_of_logs() -> None:
    """Put WithoutQuery before Uvicorn's two loggers. May be called twice."""
    for name in ("uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, WithoutQuery) for each in logger.filters):
            logger.addFilter(WithoutQuery())
