"""A bounded memory of what was used last."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar, final

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@final
class Recent(Generic[K, V]):
    """Remembers at most ``size`` values by name, and forgets the one longest unused.

    One goes for each that comes, so memory is used again and stays as large as it is.  Safe for
    threads: each step is one operation in C, and a name that another thread took away is no harm.
    """

    __slots__ = ("_kept", "_size")

    def __init__(self, size: int) -> None:
        self._size: Final = size
        self._kept: Final[OrderedDict[K, V]] = OrderedDict()

    def find(self, name: K) -> V | None:
        """The value, None where it was never put or is forgotten."""
        value = self._kept.get(name)
        if value is not None:
            try:
                self._kept.move_to_end(name)
            except KeyError:
                return value
        return value

    def put(self, name: K, value: V) -> None:
        """Remember a value."""
        self._kept[name] = value
        if len(self._kept) > self._size:
            try:
                self._kept.popitem(last=False)
            except KeyError:
                return

    def forget(self, name: K) -> None:
        """Forget a value."""
        self._kept.pop(name, None)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._kept)
