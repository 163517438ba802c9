"""A write that bears an `Idempotency-Key` is done once: who asks again with the same key gets the same answer.

The first to come inserts the row and runs; it renews its lease until the answer is kept. Nothing here can be read
without the key: rows are found, compared and sealed by keyed hashes of it, and the key itself is stored nowhere.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from cryptography.fernet import Fernet
from django.conf import settings
from django.utils.crypto import salted_hmac

from accounts import database
from accounts.errors import IdempotencyKeyInvalid
from accounts.models import IdempotentRequest

LONGEST_KEY = 255

CLAIM = """
    INSERT INTO accounts_idempotentrequest (id, user_id, request_id, fingerprint, created_at, lease_until)
    VALUES (%(id)s, %(user_id)s, %(request_id)s, %(fingerprint)s, now(), now() + %(lease)s)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

FIND = """
    SELECT fingerprint, request_id, status, sealed, lease_until < now() AS abandoned
    FROM accounts_idempotentrequest WHERE id = %(id)s
"""

# Of several who find it abandoned, one gets it.
TAKE_OVER = """
    UPDATE accounts_idempotentrequest SET request_id = %(request_id)s, lease_until = now() + %(lease)s
    WHERE id = %(id)s AND request_id = %(former)s AND status IS NULL AND lease_until < now()
    RETURNING id
"""

RENEW = """
    UPDATE accounts_idempotentrequest SET lease_until = now() + %(lease)s
    WHERE id = %(id)s AND request_id = %(request_id)s
"""

KEEP = """
    UPDATE accounts_idempotentrequest SET status = %(status)s, sealed = %(sealed)s
    WHERE id = %(id)s AND request_id = %(request_id)s
"""

RELEASE = "DELETE FROM accounts_idempotentrequest WHERE id = %(id)s AND request_id = %(request_id)s"


@dataclass(frozen=True)
class Asked:
    """One request as its key names it. `scope` says who asks, `what` and `body` for what. Raises
    `IdempotencyKeyInvalid`."""

    key: str
    scope: str
    user_id: UUID | None
    what: str
    body: bytes
    request_id: str

    def __post_init__(self) -> None:
        if not (0 < len(self.key) <= LONGEST_KEY and self.key.isascii() and self.key.isprintable()):
            raise IdempotencyKeyInvalid

    @property
    def id(self) -> str:
        return self._hash("id").hex()

    @property
    def fingerprint(self) -> str:
        """A body may hold a password, so its hash must not be one that can be guessed at."""
        return self._hash("fingerprint", self.what.encode() + b"\n" + self.body).hex()

    @property
    def sealer(self) -> Fernet:
        return Fernet(urlsafe_b64encode(self._hash("seal")))

    @property
    def params(self) -> database.Params:
        return {
            "id": self.id,
            "user_id": self.user_id,
            "request_id": self.request_id,
            "fingerprint": self.fingerprint,
            "lease": settings.RESERVATION_LEASE,
        }

    def _hash(self, purpose: str, value: bytes = b"") -> bytes:
        salt = f"idempotency {purpose} {self.key}\n{self.scope}"
        return salted_hmac(salt, value, algorithm="sha256").digest()


@dataclass(frozen=True)
class Answer:
    """`headers` are those worth saying again."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Former:
    """What an earlier request has come to. Without a status it runs, or is `abandoned`: its process died."""

    request_id: str
    is_same: bool
    abandoned: bool
    status: int | None
    answer: Answer | None


class Packing:
    """An answer on its way into its row, packed as it comes so that a long stream takes little room."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self._packer = zlib.compressobj()
        self._packed: bytearray | None = bytearray()
        self.add(json.dumps(dict(headers)).encode() + b"\n")

    def add(self, part: bytes) -> Self:
        if self._packed is not None:
            self._packed += self._packer.compress(part)
            if len(self._packed) > settings.IDEMPOTENT_ANSWER_BYTES:
                self._packed = None
        return self

    def sealed(self, asked: Asked) -> bytes | None:
        """None where it is too large to be kept."""
        if self._packed is None:
            return None
        return asked.sealer.encrypt(bytes(self._packed) + self._packer.flush())


async def claim(asked: Asked) -> Former | None:
    """None where it is ours to do now; else what the request came to that has the key."""
    while not await database.fetch_one(CLAIM, asked.params):
        row = await database.fetch_one(FIND, asked.params)
        if row:  # Else it was released this moment.
            is_same = row["fingerprint"] == asked.fingerprint
            answer = _opened(asked, row["status"], row["sealed"]) if is_same and row["sealed"] else None
            return Former(row["request_id"], is_same, row["abandoned"], row["status"], answer)
    return None


async def take_over(asked: Asked, former: Former) -> bool:
    """Do what an abandoned request did not; False where somebody else does by now."""
    return await database.fetch_one(TAKE_OVER, {**asked.params, "former": former.request_id}) is not None


async def renew(asked: Asked) -> None:
    await _execute(RENEW, asked.params)


async def keep(asked: Asked, packing: Packing) -> None:
    """From now on this is the answer. One too large is not kept, but nothing is done again either."""
    await _execute(KEEP, {**asked.params, "status": packing.status, "sealed": packing.sealed(asked)})


async def release(asked: Asked) -> None:
    """Nothing was done: who asks again is the first."""
    await _execute(RELEASE, asked.params)


def forget_old(at: datetime) -> int:
    """How many there were."""
    return IdempotentRequest.objects.filter(created_at__lt=at - settings.IDEMPOTENT_ANSWERS_KEPT).delete()[0]


async def _execute(sql: str, params: database.Params) -> None:
    async with database.connected() as connection:
        await connection.execute(sql, params)


def _opened(asked: Asked, status: int, sealed: bytes) -> Answer:
    headers, _, body = zlib.decompress(asked.sealer.decrypt(bytes(sealed))).partition(b"\n")
    return Answer(status, json.loads(headers), body)
