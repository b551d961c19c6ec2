"""OAuth error words that Authlib does not have."""

from authlib.oauth2.rfc6749 import InvalidRequestError


class InvalidTargetError(InvalidRequestError):
    """A resource or audience that is not the client's.  Spec: RFC 8693 section 2.2.2."""

    error: str = "invalid_target"
