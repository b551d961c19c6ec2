"""What can keep a demo from starting or from being walked."""

from consentid.kit.errors import UnavailableError


class DemoError(UnavailableError):
    """The demo cannot run; the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"demo.{code}", message, retry_after_s=1)
