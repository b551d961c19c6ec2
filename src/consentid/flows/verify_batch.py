"""Judge many tokens in one call, without keeping others waiting.

From memory where memory knows the answer, else one after the other by the database.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from consentid.flows.authenticate import Caller
from consentid.flows.context import Context
from consentid.flows.verify_from_memory import JUDGED_TOGETHER, Asked, Memory
from consentid.flows.verify_token import verify_token
from consentid.kit.errors import ConsentidError
from consentid.telemetry.tracing import step

MAX_BATCH: Final = 500
_SLICE_S: Final = 0.0004
"""After so long the loop is given to others; what is judged together comes on top."""


@step("verify_batch")
async def verify_batch(
    context: Context, memory: Memory, caller: Caller, questions: Sequence[Asked]
) -> list[bytes]:
    """The answers in order, each as JSON.

    Raises:
        ForbiddenError, MalformedError, UnavailableError: as for one token; ``where`` names the
            first that cannot be answered.
    """
    answers: list[bytes] = []
    begun_s = time.perf_counter()
    for number in range(0, len(questions), JUDGED_TOGETHER):
        several = questions[number : number + JUDGED_TOGETHER]
        for question, found in zip(several, memory.recall_all(several), strict=True):
            answers.append(found or await _ask(context, caller, question, len(answers)))
        if time.perf_counter() - begun_s > _SLICE_S:
            await asyncio.sleep(0)
            begun_s = time.perf_counter()
    return answers


async def _ask(context: Context, caller: Caller, question: Asked, number: int) -> bytes:
    try:
        answer = await verify_token(
            context,
            caller,
            question.unverified_token,
            audience=question.audience,
            purposes=question.purposes,
            at_least=question.at_least,
        )
    except ConsentidError as error:
        error.where = f"[{number}]" if error.where is None else f"[{number}].{error.where}"
        raise
    return msgspec.json.encode(answer)
