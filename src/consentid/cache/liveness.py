"""Whether a Valkey answers."""

from valkey.exceptions import ValkeyError

from consentid.cache.limits import connect


async def answers(url: str) -> bool:
    """Ask it for a sign of life."""
    connection = connect(url)
    if connection is None:
        return False
    try:
        return bool(await connection.ping())  # pyright: ignore[reportUnknownMemberType] valkey-py does not say what it takes
    except (ValkeyError, OSError, TimeoutError):
        return False
    finally:
        await connection.aclose()
