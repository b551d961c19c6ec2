"""A bounded memory of what was used last."""

from collections.abc import Hashable
from typing import Final, Generic, TypeVar, final

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@final
class Recent(Generic[K, V]):
    """Remembers at most ``size`` values by name, and forgets those longest unused, half at a time.

    Two generations instead of a list in order of use: a hit costs one look-up and no lock.
    Safe for threads: under a race a value is forgotten early, never kept beyond the bound.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, size: int) -> None:
        self._half: Final = size // 2
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def find(self, name: K) -> V | None:
        """The value, None where it was never put or is forgotten."""
        value = self._young.get(name)
        if value is None:
            value = self._old.get(name)
            if value is not None:
                self.put(name, value)
        return value

    def put(self, name: K, value: V) -> None:
        """Remember a value."""
        if self._half:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[name] = value

    def forget(self, name: K) -> None:
        """Forget a value."""
        self._young.pop(name, None)
        self._old.pop(name, None)

    def clear(self) -> None:
        """Forget everything."""
        self._old, self._young = {}, {}

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._young) + len(self._old)
