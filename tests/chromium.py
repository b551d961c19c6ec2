"""Chromium in tests: as long as a busy machine takes, and whatever a page does in the meantime.

A limit here ends a test that hangs; none is what a test shows.
"""

from typing import Any

from playwright.sync_api import Error, Page

PATIENCE_MS = 120_000
_LEFT = ("Execution context was destroyed", "Cannot find context")


def told(page: Page, function: str) -> Any:
    """What a page says once there is something true to say.

    A page may be left or loaded anew between any two questions, as a withdrawal does: then it is
    asked again where it has arrived.
    """
    while True:
        try:
            return page.wait_for_function(function).json_value()
        except Error as error:
            if not any(each in error.message for each in _LEFT):
                raise
