"""Reads one HTTP/1.1 answer from the bytes of a connection: with a content length or in chunks, nothing else."""


class MalformedAnswer(Exception):
    """The bytes are no answer this reader knows."""


class Answer:
    """`status` is 0 until the head is read; `body` grows; `complete` says that nothing is missing."""

    __slots__ = ("_buffer", "_length", "body", "closes", "complete", "status")

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()
        self.complete = False
        self.closes = False
        self._buffer = bytearray()
        self._length: int | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a byte of the body (or of its chunks) has come."""
        return bool(self.status and (self.body or self._buffer or self.complete))

    def feed(self, data: bytes) -> None:
        """Raises `MalformedAnswer`."""
        self._buffer += data
        if not self.status and not self._read_head():
            return
        if self._length is None:
            self._read_chunks()
        else:
            self._read_plain(self._length)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = bytes(self._buffer[:end]).lower().split(b"\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        del self._buffer[: end + 4]
        if b"chunked" not in headers.get(b"transfer-encoding", b""):
            self._length = read_number(headers.get(b"content-length", b""), base=10)
        self.closes = headers.get(b"connection") == b"close"
        self.status = read_number(first[9:12], base=10)
        return True

    def _read_plain(self, length: int) -> None:
        self.body += self._buffer
        self._buffer.clear()
        self.complete = len(self.body) >= length

    def _read_chunks(self) -> None:
        buffer, start = self._buffer, 0
        while not self.complete and (line_end := buffer.find(b"\r\n", start)) >= 0:
            size = read_number(buffer[start:line_end], base=16)
            end = line_end + 2 + size + 2
            if len(buffer) < end:
                break
            self.body += buffer[line_end + 2 : end - 2]
            self.complete = size == 0
            start = end
        del buffer[:start]


def read_number(digits: bytes | bytearray, *, base: int) -> int:
    try:
        return int(digits, base)
    except ValueError as exc:
        raise MalformedAnswer(f"no number: {bytes(digits[:40])!r}") from exc
