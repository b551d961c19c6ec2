"""Errors in the words of event delivery, and those of stream management.

Spec: RFC 8935 section 2.4; OpenID Shared Signals Framework 1.0 section 8.1, which knows no 422.
"""

from http import HTTPStatus
from typing import Final

import msgspec

from consentid.events.ssf import SetError
from consentid.web.problems import Problem

DELIVERY_PATH: Final = "/ssf/events"
_FOLDER: Final = "/ssf/"
_WORDS: Final = {
    "set_key_refused": "invalid_key",
    "set_issuer_refused": "invalid_issuer",
    "set_audience_refused": "invalid_audience",
}


def is_of_streams(path: str) -> bool:
    """Whether streams are managed or polled there."""
    return path.startswith(_FOLDER)


def set_error_of(found: Problem) -> SetError:
    """Say a problem to who sent a token."""
    word = _WORDS.get(found.code, "invalid_request")
    return SetError(err=word, description=found.detail)


def as_bad_request(found: Problem) -> Problem:
    """A value that breaks a rule, as a request that is malformed."""
    if found.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return found
    bad = HTTPStatus.BAD_REQUEST
    return msgspec.structs.replace(found, status=bad, title=bad.phrase)
