"""Instants as the database keeps them, and how constraints are named.

Instants are ``timestamptz``; ``InstantType`` carries them as microseconds.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    MetaData,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine import Dialect
from typing_extensions import override

from consentid.kit.instants import Instant, from_datetime, to_datetime


class InstantType(TypeDecorator[Instant]):
    """``timestamptz`` in the database, an ``Instant`` in Python.

    Its infinities, which nobody here writes, are the first and the last instant that there is.
    """

    impl = TIMESTAMP(timezone=True)  # pyright: ignore[reportUnannotatedClassAttribute] SQLAlchemy's own name
    cache_ok = True  # pyright: ignore[reportUnannotatedClassAttribute] SQLAlchemy's own name

    @override
    def process_bind_param(self, value: Instant | None, dialect: Dialect) -> datetime | None:
        return None if value is None else to_datetime(value)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> Instant | None:
        if value is None:
            return None
        # So the driver tells infinities apart: they are in no time zone.
        return from_datetime(value.replace(tzinfo=UTC) if value.tzinfo is None else value)


metadata: Final = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "pk": "%(table_name)s_pk",
    }
)
