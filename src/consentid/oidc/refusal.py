"""An authorization request refused in OAuth's words.

Spec: RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6.
"""


class RefusedRequestError(Exception):
    """A request is refused; where it goes is the endpoint's business."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error: str = error
        """Stable: clients match on it."""
        self.description: str = description
        """For the client's developer.  ASCII, without double quotes and backslashes."""
