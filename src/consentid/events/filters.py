"""Which events a consumer wants: by brand, by purpose, by kind.  Nothing named wants everything."""

from collections.abc import Iterator
from typing import Final

import msgspec

from consentid.events.contract import ConsentData, ConsentEvent, Kind, Lists

_ROOT: Final = "*"


class Filters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wanted, of each kind of limit any one."""

    brands: tuple[str, ...] = ()
    """Slugs of brands and partners."""
    purposes: tuple[str, ...] = ()
    """With all that lies below."""
    kinds: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether everything is wanted."""
        return not (self.brands or self.purposes or self.kinds)

    def wants(self, kind: str, body: bytes) -> bool:
        """Whether an event is wanted.  Only consent is about brands and purposes.

        What was erased keeps its place for everybody.
        """
        if self.kinds and kind not in self.kinds and kind != Kind.ERASED:
            return False
        if kind != Kind.CONSENT or not (self.brands or self.purposes):
            return True
        data = _decoder.decode(body).data
        return self._wants_brand(data) and self._wants_purpose(data)

    def _wants_brand(self, data: ConsentData) -> bool:
        return not self.brands or any(
            effect.party.partition("/")[2] in self.brands for effect in data.effective
        )

    def _wants_purpose(self, data: ConsentData) -> bool:
        return not self.purposes or any(
            changed == _ROOT or _is_within(changed, want) or _is_within(want, changed)
            for changed in _changed(data)
            for want in self.purposes
        )


def _changed(data: ConsentData) -> Iterator[str]:
    """The purposes that were chosen, or whose answer became another."""
    for decision in data.decisions:
        yield from (choice.purpose for choice in decision.choices)
    for effect in data.effective:
        before = effect.before or Lists(granted=[], refused=[])
        yield from set(before.granted) ^ set(effect.after.granted)
        yield from set(before.refused) ^ set(effect.after.refused)


def _is_within(purpose: str, above: str) -> bool:
    return purpose == above or purpose.startswith(f"{above}.")


_decoder: Final = msgspec.json.Decoder(ConsentEvent)
