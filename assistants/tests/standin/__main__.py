import argparse
import asyncio
import json
import signal
import sys

from aiohttp import web

from assistants.tests.standin.server import Api


async def serve(port: int, *, with_parent: bool) -> None:
    stop = asyncio.Event()
    runner = web.AppRunner(Api().app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        await loop.connect_read_pipe(lambda: UntilClosed(stop), sys.stdin)
    sys.stdout.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()


class UntilClosed(asyncio.Protocol):
    """Stops the server when its standard input ends: whoever started it has gone, however it went."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop.set()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m assistants.tests.standin", description="A stand-in Anthropic API.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input is closed")
    options = parser.parse_args()
    asyncio.run(serve(options.port, with_parent=options.with_parent))


if __name__ == "__main__":
    main()
