"""Every answer that a test hears is one that the OpenAPI document tells of."""

import re
from typing import Any, Final

import httpx2

_TEMPLATE: Final = re.compile(r"\\?\{[^}]+\\?\}")
_JUDGED: Final = frozenset({"GET", "POST"})
_NO_OPERATION: Final = frozenset({404, 405})


class Documented:
    """Holds answers against a document; call it with each."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths: dict[re.Pattern[str], dict[str, Any]] = {
            re.compile(_TEMPLATE.sub("[^/]+", re.escape(path))): operations
            for path, operations in document["paths"].items()
        }

    def __call__(self, answer: httpx2.Response) -> None:
        operation = self._find_operation(answer.request)
        if operation is None:
            return
        place = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
        told = operation["responses"].get(str(answer.status_code))
        assert told is not None or answer.status_code in _NO_OPERATION, f"{place} is not told of"
        if told is not None and answer.headers.get("content-length", "0") != "0":
            media_type = answer.headers["content-type"].partition(";")[0]
            assert media_type in told.get("content", {}), f"{place} as {media_type}"

    def _find_operation(self, request: httpx2.Request) -> dict[str, Any] | None:
        if request.method not in _JUDGED:
            return None
        for path, operations in self._paths.items():
            if path.fullmatch(request.url.path):
                return operations.get(request.method.lower())
        return None
