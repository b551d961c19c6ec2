"""How server processes log: to standard error, as text or as one JSON object a line."""

import json
import logging
import logging.config
import time
from typing import Any

from consentid.settings import Settings


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:  # pyright: ignore[reportImplicitOverride]  3.11 has no override
        """Time (RFC 3339, UTC), level, logger, message and, for a bug, its trace."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_config(chosen: Settings) -> dict[str, Any]:
    """Python's logging, to standard error, as text or as one JSON object a line.

    ``debug`` is for what we say: libraries tell of tokens and of headers there.
    """
    level = logging.getLevelNamesMapping()[chosen.log_level.upper()]
    formatter = (
        {"()": "consentid.cli.logs.JsonFormatter"}
        if chosen.log_format == "json"
        else {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": max(level, logging.INFO)},
        "loggers": {"consentid": {"level": level}},
    }


def configure_logging(chosen: Settings) -> None:
    """The same for a process that is not uvicorn's."""
    logging.config.dictConfig(log_config(chosen))
