"""A client that polls for what a person answers elsewhere."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.flows.town import Town

from consentid.flows.answer_token_request import TokenAnswer


@dataclass(slots=True, kw_only=True)
class Polling(ABC):
    """What it polls with, and what it is told."""

    GRANT: ClassVar[str]
    FIELD: ClassVar[str]

    town: Town
    client: str

    @property
    @abstractmethod
    def code(self) -> str:
        """What it polls with."""

    @property
    def id(self) -> str:
        """How its row is named in SQL."""
        return f"'\\x{hashlib.sha256(self.code.encode()).hexdigest()}'::bytea"

    async def poll(self, client: str | None = None, **changed: str) -> TokenAnswer:
        form = {"grant_type": self.GRANT, self.FIELD: self.code, **changed}
        return await self.town.ask_token(client or self.client, **form)

    async def poll_for_error(self, client: str | None = None, **changed: str) -> str:
        answer = await self.poll(client, **changed)
        assert answer.status == 400, answer.body
        return answer.body["error"]

    async def tokens(self) -> dict[str, Any]:
        answer = await self.poll()
        assert answer.status == 200, answer.body
        return answer.body

    async def set_back(self, column: str, seconds: int) -> None:
        await self.town.change(
            f"UPDATE device_codes SET {column} = {column} - interval '{seconds} seconds'"
            f" WHERE device_code_hash = {self.id}"
        )
