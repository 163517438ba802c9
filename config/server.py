"""The web server: `python -m config.server`, at HOST and PORT. It drains before it stops; every stream is settled."""

from __future__ import annotations

import asyncio
import os
from types import FrameType

import uvicorn

# Streams may go on this long after the signal, before they are ended and settled with what they delivered.
DRAIN_SECONDS = 5.0
# After that only their last words are sent.
GOODBYE_SECONDS = 5


class Server(uvicorn.Server):
    _draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would wait for open streams for ever; turns that end by themselves let it go.
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(_drain())
        super().handle_exit(sig, frame)


async def _drain() -> None:
    # Django is set up only once the application is loaded.
    from assistants import running
    from assistants.crew import here

    await asyncio.gather(running.drain(DRAIN_SECONDS), here.drain(DRAIN_SECONDS))


def main() -> None:
    config = uvicorn.Config(
        "config.asgi:application",
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(os.environ.get("PORT", "8000")),
        lifespan="on",
        access_log=False,
        log_config=None,  # It tells the settings' loggers, as everybody does.
        log_level="warning",
        server_header=False,
        # uvicorn would believe any X-Forwarded-For that is sent from this machine; `accounts.addresses` reads it.
        proxy_headers=False,
        # A console says little, and what it is told is its own secret: compressed, its length would tell of it.
        ws_max_size=4096,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=int(DRAIN_SECONDS) + GOODBYE_SECONDS,
    )
    Server(config).run()


if __name__ == "__main__":
    main()
