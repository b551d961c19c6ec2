"""What a visitor chose on a partner's own form."""

from collections.abc import Mapping

import msgspec

from consentid.demo.hub_answers import Catalogue, Notice
from consentid.demo.hub_answers import State as ConsentState


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of the form, as they come."""

    act: str
    served: str
    notice_id: str
    notice_version: int
    notice_language: str
    notice_digest: str
    asked: str = ""

    def shown(self, slug: str) -> Catalogue:
        """What the visitor had before their eyes, as the hub wants it repeated."""
        return Catalogue(
            brand=slug,
            catalogue=0,
            served=self.served,
            notice=Notice(
                id=self.notice_id,
                version=self.notice_version,
                language=self.notice_language,
                digest=self.notice_digest,
            ),
            purposes=[],
        )


def choices_of(act: str, asked: str, form: Mapping[str, str]) -> dict[str, bool]:
    """What was chosen: all that was asked, or what was answered one by one."""
    if act in {"accept", "refuse"}:
        return dict.fromkeys(asked.split(), act == "accept")
    prefix = "choice."
    chosen = {
        name.removeprefix(prefix): value == "yes"
        for name, value in form.items()
        if name.startswith(prefix) and value in {"yes", "no"}
    }
    return _consistent(chosen)


def _consistent(chosen: Mapping[str, bool]) -> dict[str, bool]:
    """A no to a purpose is a no to what lies under it: the form says both, the record must."""
    refused = [purpose for purpose, yes in chosen.items() if not yes]
    return {
        purpose: yes and not any(purpose.startswith(f"{above}.") for above in refused)
        for purpose, yes in chosen.items()
    }


def offered(chosen: Mapping[str, bool], state: ConsentState) -> dict[str, bool]:
    """Without what is not offered to this person: adults only, to somebody not known to be one.

    The notice is the same for everybody, so only the state tells.
    """
    return {purpose: yes for purpose, yes in chosen.items() if state.of(purpose) != "notoffered"}
