"""A bounded memory of what was used last."""

from typing import Final, Generic, TypeVar, final

V = TypeVar("V")


@final
class Recent(Generic[V]):
    """Remembers at most ``size`` values by text, and forgets those longest unused, half at a time.

    Two generations instead of a list in order of use: a hit costs one look-up and no lock.
    Safe for threads: under a race a value is forgotten early, never kept beyond the bound.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, size: int) -> None:
        self._half: Final = size // 2
        self._young: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def find(self, name: str) -> V | None:
        """The value, None where it was never put or is forgotten."""
        value = self._young.get(name)
        if value is None:
            value = self._old.get(name)
            if value is not None:
                self.put(name, value)
        return value

    def put(self, name: str, value: V) -> None:
        """Remember a value."""
        if self._half:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[name] = value

    def forget(self, name: str) -> None:
        """Forget a value."""
        self._young.pop(name, None)
        self._old.pop(name, None)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._young) + len(self._old)
