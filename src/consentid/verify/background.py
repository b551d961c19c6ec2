"""A thread of its own that fetches, so that no caller waits on a network longer than it wants to.

It starts with the first fetch, ends with ``close`` or the process, and starts anew in a child that
was forked (servers fork after loading the application).
"""

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

import httpx2


@final
class Background:
    """Runs coroutines on a loop in a daemon thread, with one HTTP client.  Safe for threads."""

    def __init__(self, make_client: Callable[[], httpx2.AsyncClient]) -> None:
        self._make_client: Final = make_client
        self._pending: dict[object, concurrent.futures.Future[None]] = {}
        self._client: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @property
    def client(self) -> httpx2.AsyncClient:
        """For coroutines that run here."""
        if self._client is None:
            self._client = self._make_client()
        return self._client

    def run(
        self, name: object, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> concurrent.futures.Future[None]:
        """Run ``work``; where the same ``name`` is being worked on, wait for that instead."""
        if self._pid != os.getpid():
            self._forget_parent()
        with self._lock:
            pending = self._pending.get(name)
            if pending is None:
                pending = asyncio.run_coroutine_threadsafe(self._work(name, work), self._running())
                self._pending[name] = pending
            return pending

    def close(self) -> None:
        """End the thread and close the connections."""
        if self._pid != os.getpid():
            self._forget_parent()
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

    async def _work(self, name: object, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        finally:
            with self._lock:
                self._pending.pop(name, None)

    async def _end(self) -> None:
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = self._loop = asyncio.new_event_loop()

            def live() -> None:
                try:
                    loop.run_forever()
                finally:
                    loop.close()

            self._thread = threading.Thread(target=live, name="consentid-verify", daemon=True)
            self._thread.start()
        return self._loop

    def _forget_parent(self) -> None:
        # No thread survives a fork, and the parent may have held the lock in that moment.
        self._lock = threading.Lock()
        self._loop = self._thread = self._client = None
        self._pending = {}
        self._pid = os.getpid()
