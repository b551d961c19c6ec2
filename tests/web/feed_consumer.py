"""A consumer of the feed as anybody might write one: Python's own library, a file, no care taken.

``python feed_consumer.py URL FILE``, its access token in ``TOKEN``: begins with the snapshot where
the file is new, else goes on from the cursor that lies there, kept in one transaction with what it
was told.  Says a line for each answer it has applied; with ``ONCE`` it ends where the feed does.
"""

import json
import os
import sqlite3
import sys
import urllib.parse
import urllib.request
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS standing (subject, line, revision, now, PRIMARY KEY (subject, line));
CREATE TABLE IF NOT EXISTS seen (sequence PRIMARY KEY, id UNIQUE);
CREATE TABLE IF NOT EXISTS cursor (one PRIMARY KEY, value);
"""
PUT = """
INSERT INTO standing VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
SET revision = excluded.revision, now = excluded.now WHERE excluded.revision >= revision
"""


def get(path: str, **query: str | None) -> Any:
    given = urllib.parse.urlencode({name: value for name, value in query.items() if value})
    request = urllib.request.Request(  # noqa: S310 - the address that we were given
        f"{sys.argv[1]}{path}?{given}",
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}", "Prefer": "wait=20"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
        return json.load(answer)


def put(kept: sqlite3.Connection, subject: str, entry: dict[str, Any], now: Any) -> None:
    line = "/".join([entry["party"], *entry["via"]])
    kept.execute(PUT, (subject, line, entry["revision"], json.dumps(now, sort_keys=True)))


def begin(kept: sqlite3.Connection) -> str:
    page: dict[str, Any] = {"next": None}
    while True:
        page = get("/v1/events/snapshot", page=page["next"])
        for person in page["subjects"]:
            for entry in person["effective"]:
                put(kept, person["subject"], entry, entry["now"])
        if page["next"] is None:
            return page["cursor"]


def apply(kept: sqlite3.Connection, event: dict[str, Any]) -> None:
    # The same place or the same event twice would end us here.
    kept.execute("INSERT INTO seen VALUES (?, ?)", (int(event["sequence"]), event["id"]))
    if event["type"] == "consentid.erasure.v1":
        kept.execute("DELETE FROM standing WHERE subject = ?", (event["subject"],))
    if event["type"] == "consentid.consent.v1":
        for entry in event["data"]["effective"]:
            put(kept, event["subject"], entry, entry["after"])


def main() -> None:
    kept = sqlite3.connect(sys.argv[2], isolation_level=None)
    kept.executescript(TABLES)
    more = True
    while more or "ONCE" not in os.environ:
        found = kept.execute("SELECT value FROM cursor").fetchone()
        if found is None:
            kept.execute("BEGIN IMMEDIATE")
            onward, count = begin(kept), 0
        else:
            page = get("/v1/events", after=found[0], limit="50")
            onward, more, count = page["next"], page["more"], len(page["events"])
            kept.execute("BEGIN IMMEDIATE")
            for event in page["events"]:
                apply(kept, event)
        kept.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (onward,))
        kept.execute("COMMIT")
        sys.stdout.write(f"{count}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
