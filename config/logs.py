"""What a line of the log looks like.

A query string may hold a token, so no line of any logger carries one.
"""

from __future__ import annotations

from typing import Any

import structlog
from structlog.typing import Processor


def lined_up(form: str) -> dict[str, Any]:
    """Django's LOGGING for lines in that form, `json` or `console`; structlog is set up to write the same."""
    whose: list[Processor] = [structlog.contextvars.merge_contextvars]
    named: list[Processor] = [structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso")]
    structlog.configure(
        processors=[
            *whose,
            structlog.stdlib.filter_by_level,
            *named,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Lines of plain loggers belong to a request or a socket as much as structlog's own.
    foreign = [*whose, structlog.stdlib.ExtraAdder(allow=["request_id"]), *named]
    if form == "json":
        foreign.append(structlog.processors.format_exc_info)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {"()": structlog.stdlib.ProcessorFormatter, "foreign_pre_chain": foreign, "processor": _renderer(form)},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        # A request has one line, `request_finished`, with its id; these would say the same again.
        "loggers": {
            **{name: {"level": "WARNING"} for name in ("uvicorn.access", "axes")},
            "django.security.DisallowedHost": {"level": "CRITICAL"},  # anybody can cause one, and it would come with a traceback
        },
    }


def _renderer(form: str) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    # Where `rich` is installed, structlog would show the values of local variables, among them tokens and what people write.
    return structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
