"""Server in a pod: answers every request at once over persistent connections. Standard library only."""

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-type: text/plain\r\n\r\nok\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the requests of one connection; requests have no body."""
    try:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    """Serves until the pod ends."""
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]))  # noqa: S104 - a pod's own address
    await server.serve_forever()


asyncio.run(main())
