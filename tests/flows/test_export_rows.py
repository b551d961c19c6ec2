"""Whatever names a person is told to them, and goes with them."""

from sqlalchemy import Uuid
from tests.flows.test_erasure import live
from tests.flows.town import Town

from consentid.flows.export_rows import NOT_TOLD_OF, TOLD_OF, export_rows
from consentid.flows.open_subject import open_subject
from consentid.store import tables

NAMES = {"subject_id", "account_id", "device_id"}


def test_every_table_that_names_a_subject_is_told_of_or_says_why_not() -> None:
    naming = {
        table.name
        for table in tables.metadata.tables.values()
        # What captures in the field has a ``device_id`` too: text, and no subject's.
        if any(isinstance(table.c[name].type, Uuid) for name in NAMES.intersection(table.c.keys()))
        or any(key.column.table is tables.subjects for key in table.foreign_keys)
    }
    # One is missing?  Then it is to be in `export_rows`, and in `forget` or `shred`, too.
    assert naming | {"subjects"} == TOLD_OF.keys() | NOT_TOLD_OF.keys()
    assert not TOLD_OF.keys() & NOT_TOLD_OF.keys()


async def test_what_is_kept_beside_decisions_is_told_whole(town: Town) -> None:
    subject, _ = await live(town)
    async with town.context.database.reading() as connection:
        opened = await open_subject(town.context, connection, subject)
        assert opened is not None
        told = await export_rows(connection, opened)
    assert told.subject.by_portal
    assert {"access_token", "authorization_code"} <= {each.kind for each in told.tokens}
    assert {each.client for each in told.tokens} == {"news-web"}
    (said,) = told.statements
    assert said.audience == "https://news.halcyon.example"
    assert "ads" in said.granted
    assert said.revision > 0
    assert len(told.places) >= 1
    assert {each.kind for each in told.notices} >= {"repeat", "consent"}
