"""What a broker has to do to carry a receiver's feed: say how far it is, and take what follows.

The feed is one order, so a broker takes it as one log: a stream of JetStream, a partition of Kafka.
A broker that can say what it took last is asked, since it is right even where we were killed
between its acknowledgement and our note of it; one that cannot leaves it to our note, and then an
event may come twice, with one id.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias


class Place(NamedTuple):
    """Where an event stands: the number of its stream, and its own in there."""

    stream_no: int
    seq: int


NOWHERE = Place(stream_no=0, seq=0)
"""Before every event of every stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event as a broker gets it."""

    place: Place
    id: str
    """By which a broker that can leaves out what it has."""
    kind: str
    body: bytes
    """A CloudEvent in JSON."""


class Broker(Protocol):
    """A connection to a broker, for one receiver's feed."""

    async def find_last(self) -> Place | None:
        """The last event that it took; ``NOWHERE`` if none ever, None where it cannot say.

        Raises:
            UnavailableError: it cannot be reached.
            ConflictError: what it has there is not this feed.
        """
        ...

    async def publish(self, messages: Sequence[Message]) -> int:
        """Hand them over in their order; how many of the first are durable there now.

        Fewer than all where something came between: connect anew, and go on from there.

        Raises:
            UnavailableError: it took none.
        """
        ...


Connecting: TypeAlias = Callable[[], AbstractAsyncContextManager[Broker]]
"""Opens a connection; entering it raises as ``find_last`` does."""
