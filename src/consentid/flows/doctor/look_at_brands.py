"""The configuration: addresses without TLS, mistakes in the files, files that are not in force."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from consentid.brandbook.book import Book
from consentid.brandbook.folder import GROUP_FILE, Draft, load
from consentid.brandbook.problem import BrandbookError
from consentid.brandbook.publication import publish
from consentid.flows.doctor.finding import Finding, unsafe, warning

_IN_FORCE: Final = "the configuration in force"


def look_at_brands(folder: Path, in_force: Book | None, *, is_known: bool) -> Iterator[Finding]:
    """Judge the files, where there are some, and what is in force; ``is_known``: we could ask."""
    draft: Draft | None = None
    if (folder / GROUP_FILE).is_file():
        try:
            draft = load(folder)
        except BrandbookError as error:
            yield _wrong(folder, error)
    if in_force is not None:
        yield from _look_at_book(in_force, _IN_FORCE)
    elif is_known:
        yield unsafe(
            "brands.none",
            _IN_FORCE,
            "there is none: nobody can be asked or answered",
            "run `consentid brands apply`",
        )
    if draft is not None and (in_force is None or draft.book.group != in_force.group):
        yield from _look_at_book(draft.book, str(folder / GROUP_FILE))
    if draft is not None and in_force is not None:
        try:
            if publish(in_force, draft) is not None:
                yield warning(
                    "brands.not_applied",
                    str(folder),
                    "the files say something else than the configuration in force",
                    "run `consentid brands apply`, or take the files that were applied",
                )
        except BrandbookError as error:
            yield _wrong(folder, error)


def _wrong(folder: Path, error: BrandbookError) -> Finding:
    first = error.problems[0]
    return unsafe(
        "brands.wrong",
        f"{folder / first.file}:{first.line}",
        f"{first.message} ({len(error.problems)} mistakes in all)",
        "run `consentid brands check`",
    )


def _look_at_book(book: Book, place: str) -> Iterator[Finding]:
    for code, name, address in (
        ("issuer.http", "issuer", book.group.issuer),
        ("portal.http", "portal.issuer", book.group.portal.issuer),
    ):
        if urlsplit(address).scheme != "https":
            yield unsafe(
                code,
                f"{place}: {name}",
                f"{address} is plain HTTP: whoever is on the way reads and changes what is said",
                "write an https address; TLS may end at a proxy of yours",
            )
    for client in book.clients.values():
        plain = [each for each in client.redirect_uris if urlsplit(each).scheme == "http"]
        web = [each for each in plain if not _is_loopback(each)]
        if web:
            yield unsafe(
                "redirect.http",
                f"{place}: {client.id}",
                f"{web[0]} is plain HTTP: codes and answers pass there for everybody to see",
                "write an https address",
            )


def _is_loopback(address: str) -> bool:
    """Where native apps listen.  Spec: RFC 8252 section 7.3."""
    return urlsplit(address).hostname in {"127.0.0.1", "::1"}
