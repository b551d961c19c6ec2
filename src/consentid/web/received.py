"""A request that was read before the framework, and may have to be read again by it."""

from typing import cast

from litestar.types import HTTPReceiveMessage, Receive


async def read_body(
    receive: Receive, max_bytes: int
) -> tuple[list[HTTPReceiveMessage], bytes | None]:
    """What was received, and the body; None where it is too large or broke off."""
    message = cast("HTTPReceiveMessage", await receive())
    messages = [message]
    if message["type"] == "http.request" and not message["more_body"]:
        body = message["body"]
        return messages, body if len(body) <= max_bytes else None
    size_bytes = 0
    while True:
        if message["type"] != "http.request":
            return messages, None
        size_bytes += len(message["body"])
        if size_bytes > max_bytes:
            return messages, None
        if not message["more_body"]:
            return messages, b"".join(
                each["body"] for each in messages if each["type"] == "http.request"
            )
        message = cast("HTTPReceiveMessage", await receive())
        messages.append(message)


def again(messages: list[HTTPReceiveMessage], receive: Receive) -> Receive:
    """What was received already, and then the rest."""
    told = iter(messages)

    async def next_message() -> HTTPReceiveMessage:
        message = next(told, None)
        return cast("HTTPReceiveMessage", await receive()) if message is None else message

    return next_message
