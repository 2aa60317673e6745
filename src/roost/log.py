"""What the server writes to stderr: one line an event, for people or as JSON."""

from __future__ import annotations

import logging
import sys

import structlog

from roost.config import Log

QUIET = ("aio_pika", "aiormq")
"""Libraries that write a line, or a trace, at each attempt to reach who is away. Ours say it once an outage."""


def configure(settings: Log) -> None:
    """Sets up structlog and the standard library's logging alike. Errors have their trace."""
    level = getattr(logging, settings.level.upper(), logging.INFO)
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    for chatty in QUIET:
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    renderer: structlog.typing.Processor
    if settings.format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
