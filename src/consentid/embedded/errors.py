"""What can go wrong with a server from a wheel."""

from consentid.kit.errors import UnavailableError


class EmbeddedServerError(UnavailableError):
    """An embedded server cannot be run here, or not now."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"embedded.{code}", message, retry_after_s=1)
