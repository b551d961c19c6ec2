"""Steps 9 and 10: nothing counts twice, and nothing acknowledged is ever lost."""

import secrets
import threading
import time
from typing import Final

import httpx2

from consentid.demo.hub_answers import Catalogue
from consentid.demo.hub_client import HubClient, HubRefusalError
from consentid.demo.tour_giving import group_choices
from consentid.demo.tour_report import StepReport
from consentid.demo.tour_scene import Scene

CUSTOMER: Final = "noah"
_UNPROCESSABLE: Final = 422
_BEFORE_THE_KILL: Final = 5
_PATIENCE_S: Final = 20.0


def counts_once(scene: Scene, step: StepReport) -> str:
    """The same request sent twice is one decision."""
    news, access = scene.back_end("news"), scene.access(CUSTOMER, "news")
    before = len(news.history(access))
    shown = news.catalogue("news", "en")
    key = secrets.token_urlsafe(16)
    choices = group_choices(shown)
    first = news.decide(access, shown, choices, reach="group", key=key)
    second = news.decide(access, shown, choices, reach="group", key=key)
    step.note("first answer", first.decision)
    step.note("second answer", second.decision)
    step.expect(
        (first.decision, first.receipt, first.state)
        == (second.decision, second.receipt, second.state),
        "the second answer is the first one again",
    )
    after = len(news.history(access))
    step.note("decisions in the history", {"before": before, "after": after})
    step.expect(after == before + 1, "the history grew by one", before=before, after=after)
    try:
        other = news.decide(access, shown, dict.fromkeys(choices, False), reach="group", key=key)
    except HubRefusalError as refusal:
        step.note("the same key with another body", str(refusal))
        step.expect(refusal.status == _UNPROCESSABLE, "it is refused as 422", status=refusal.status)
    else:
        step.expect(holds=False, what="another body under the key is refused", saw=other.decision)
    return (
        f"Noah's yes, sent twice, is one decision ({first.decision});"
        " the same key with another answer is refused"
    )


def survives_a_kill(scene: Scene, step: StepReport) -> str:
    """The server dies by SIGKILL while somebody decides, and has everything it acknowledged."""
    news, access = scene.back_end("news"), scene.access(CUSTOMER, "news")
    shown = news.catalogue("news", "en")
    writer = _Writer(news, access, shown)
    before = {one.decision for one in news.history(access)}
    writer.start()
    writer.await_acknowledged(_BEFORE_THE_KILL)
    killed = scene.web.kill_web()
    writer.finish()
    acknowledged = list(writer.acknowledged)
    revived = scene.web.revive_web()
    step.note("killed process", killed)
    step.note("new process", revived)
    step.note("acknowledged before the kill", acknowledged)
    step.note("how the last request ended", writer.last_words)
    step.expect(revived != killed, "another process answers")
    found = {one.decision for one in news.history(access)} - before
    lost = [one for one in acknowledged if one not in found]
    step.note("found afterwards", sorted(found))
    step.expect(not lost, "nothing acknowledged is lost", lost=lost)
    # A commit whose answer the kill cut off may be there: promised to nobody, and true.
    step.expect(len(found) - len(acknowledged) <= 1, "nothing appeared from nowhere", found=found)
    last = news.decide(access, shown, group_choices(shown), reach="group")
    step.expect(last.decision not in found, "it records again")
    return (
        f"Killed by SIGKILL while Noah kept choosing: all {len(acknowledged)} acknowledged"
        f" decisions are there, and it records again"
    )


class _Writer(threading.Thread):
    """Somebody who changes their mind as fast as the server answers, until it stops answering."""

    def __init__(self, client: HubClient, access: str, shown: Catalogue) -> None:
        super().__init__(name="writer", daemon=True)
        self._client: HubClient = client
        self._access: str = access
        self._shown: Catalogue = shown
        self._enough: threading.Event = threading.Event()
        self.acknowledged: list[str] = []
        self.last_words: str = "stopped"

    def run(self) -> None:  # pyright: ignore[reportImplicitOverride] - typing.override is 3.12
        choices = group_choices(self._shown)
        is_yes = False
        while not self._enough.is_set():
            try:
                answer = self._client.decide(
                    self._access, self._shown, dict.fromkeys(choices, is_yes), reach="group"
                )
            except (httpx2.TransportError, HubRefusalError) as error:
                self.last_words = f"{type(error).__name__}: {error}"
                return
            self.acknowledged.append(answer.decision)
            is_yes = not is_yes

    def await_acknowledged(self, count: int) -> None:
        """Wait until that many decisions are acknowledged, or the writer has failed."""
        give_up_at = time.monotonic() + _PATIENCE_S
        while len(self.acknowledged) < count and self.is_alive() and time.monotonic() < give_up_at:
            time.sleep(0.005)

    def finish(self) -> None:
        """Let it end."""
        self._enough.set()
        self.join(_PATIENCE_S)
