"""What went wrong, told to a person where a person is at the other end; else as programs expect."""

from http import HTTPMethod, HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException

from consentid.flows.approval import PAGE as APPROVALS
from consentid.kit.errors import ConsentidError
from consentid.web import failures
from consentid.web.catalogue import accepted_languages
from consentid.web.error_document import is_for_persons
from consentid.web.guards import context_of
from consentid.web.pages.frame import Frame, bare_frame, frame_of
from consentid.web.pages.message import Message, MessageView
from consentid.web.pages.rendering import respond
from consentid.web.pages.words import LANGUAGES, choose_language
from consentid.web.problems import problem_of
from consentid.web.strict_bodies import RefusedBodyError

_CODES: Final = {
    "approval_gone": Message.APPROVAL_GONE,
    "browser_unknown": Message.OTHER_BROWSER,
    "bad_id_token": Message.SIGN_IN_FAILED,
    "client_unknown": Message.CLIENT_UNKNOWN,
    "form_foreign": Message.FORM_FOREIGN,
    "form_stale": Message.STALE,
    "id_token_refused": Message.SIGN_IN_FAILED,
    "id_token_replayed": Message.SIGN_IN_FAILED,
    "interaction_expired": Message.EXPIRED,
    "interaction_finished": Message.FINISHED,
    "interaction_unknown": Message.OTHER_BROWSER,
    "link_damaged": Message.LINK_DAMAGED,
    "link_expired": Message.LINK_EXPIRED,
    "link_foreign": Message.LINK_NOT_GENUINE,
    "link_forged": Message.LINK_NOT_GENUINE,
    "link_other_person": Message.LINK_OTHER_PERSON,
    "link_outdated": Message.LINK_OUTDATED,
    "link_used": Message.LINK_USED,
    "login_unknown": Message.SIGN_IN_FAILED,
    "party_gone": Message.EXPIRED,
    "portal_mixed_up": Message.SIGN_IN_FAILED,
    "portal_refused": Message.SIGN_IN_FAILED,
    "role_missing": Message.ROLE_MISSING,
    "record_unreadable": Message.RECORD_UNREADABLE,
    "redirect_uri_unknown": Message.REDIRECT_UNKNOWN,
}
_STATUSES: Final = {
    HTTPStatus.NOT_FOUND: Message.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Message.NOT_ALLOWED,
    HTTPStatus.TOO_MANY_REQUESTS: Message.TOO_MANY,
    HTTPStatus.SERVICE_UNAVAILABLE: Message.UNAVAILABLE,
    HTTPStatus.INTERNAL_SERVER_ERROR: Message.INTERNAL,
}
_SAYS_WHERE: Final = frozenset({"record_unreadable"})
"""What the place says is in the database, not in a request."""
_SHOWN_AGAIN: Final = frozenset({Message.STALE, Message.FORM_FOREIGN})
_LED_ON: Final = frozenset(
    {
        *(Message.EXPIRED, Message.LINK_USED, Message.NOT_FOUND, Message.OTHER_BROWSER),
        Message.RECORD_UNREADABLE,
    }
)
"""Where nothing is left to do there, one's choices can still be seen and changed."""
_INTERACTIONS: Final = "/interaction/"
_PREFERENCES: Final = "/preferences"
_LANGUAGE: Final = "lang"
_MINUTE_S: Final = 60


def on_consentid_error(request: Request[Any, Any, Any], error: ConsentidError) -> Response[Any]:
    """Answer with one of our own errors."""
    if not _is_visit(request):
        return failures.on_consentid_error(request, error)
    found = problem_of(error)
    return _page(
        request,
        HTTPStatus(found.status),
        code=found.code,
        detail=f"{found.where}: {found.detail}" if found.code in _SAYS_WHERE else found.detail,
        retry_after_s=found.retry_after_s,
    )


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer with what the framework found wrong."""
    told = failures.on_http_exception(request, error)
    if not _is_visit(request):
        return told
    status = HTTPStatus(told.status_code or HTTPStatus.INTERNAL_SERVER_ERROR)
    page = _page(request, status, code=status.name.lower())
    if "Allow" in told.headers:
        page.headers["Allow"] = told.headers["Allow"]
    return page


def on_refused_body(request: Request[Any, Any, Any], error: RefusedBodyError) -> Response[Any]:
    """Answer a body that was not read, or not to its end."""
    found = error.problem
    page = _page(request, HTTPStatus(found.status), code=found.code, detail=found.detail)
    page.headers["Connection"] = "close"
    return page


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an unforeseen exception with the id that the log has it under."""
    if not _is_visit(request):
        return failures.on_bug(request, error)
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, code=failures.log_bug(error))


def _is_visit(request: Request[Any, Any, Any]) -> bool:
    """Whether a browser asks for a page: it says so itself, first of all."""
    path = request.scope["path"]
    if is_for_persons(path):
        return True
    return not path.startswith("/v1/") and request.headers.get("accept", "").startswith("text/html")


def _page(
    request: Request[Any, Any, Any],
    status: HTTPStatus,
    *,
    code: str,
    detail: str | None = None,
    retry_after_s: int | None = None,
) -> Response[Any]:
    is_shown_again = request.method == HTTPMethod.GET and (
        status is HTTPStatus.NOT_FOUND or not {*request.query_params} - {_LANGUAGE}
    )
    # Relative to itself: an address that was mistyped is no place to link to.
    frame = _frame(request, path="" if is_shown_again else None)
    message = _CODES.get(code) or _STATUSES.get(status, Message.REQUEST_MALFORMED)
    path = request.scope["path"]
    again = _page_of(path) if message in _SHOWN_AGAIN else None
    if message in _LED_ON:
        again = _PREFERENCES
    elif message is Message.APPROVAL_GONE:
        again = APPROVALS
    view = MessageView(
        frame=frame,
        message=message,
        reference=code,
        detail=detail,
        next_path=again,
        minutes=-(-retry_after_s // _MINUTE_S)
        if retry_after_s is not None and message is Message.TOO_MANY
        else None,
    )
    # A form that breaks a rule is a 400 to a person's browser, as at OAuth's endpoints.
    shown = HTTPStatus.BAD_REQUEST if status is HTTPStatus.UNPROCESSABLE_ENTITY else status
    return respond(view, shown, retry_after_s=retry_after_s)


def answered_view(request: Request[Any, Any, Any], *, next_path: str) -> MessageView:
    """What whoever comes back to an answered page is told, and where to change the answer."""
    return MessageView(frame=_frame(request), message=Message.FINISHED, next_path=next_path)


def _frame(request: Request[Any, Any, Any], *, path: str | None = None) -> Frame:
    book = context_of(request).last_book
    offered = LANGUAGES if book is None else book.group.languages
    preferred = accepted_languages(request.headers.get("accept-language", ""))
    language = choose_language((*request.query_params.getall(_LANGUAGE, []), *preferred), offered)
    return bare_frame(language) if book is None else frame_of(book, None, language, path=path)


def _page_of(path: str) -> str | None:
    """The page that a form came from, where it can be shown again."""
    if path.startswith(_INTERACTIONS):
        return path
    if path == APPROVALS:
        return path
    return _PREFERENCES if path.startswith(_PREFERENCES) else None
