"""What stands behind every provider. Anthropic's wire format is the language spoken inside.

A provider yields the very bytes of Anthropic's stream, whole or in parts, or one whole answer in that format;
`assistants.reading` alone understands them. No SDK object, socket or status code comes through this door: what goes
wrong is a `ProviderError`, before the first byte or between two.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from quotas.limits import Limit


@dataclass(frozen=True)
class ModelCall:
    """A request in Anthropic's format: `body` as it goes upstream, and the client's `anthropic-beta` header.

    `sample` never goes upstream: it is what the demo provider hands to the tool it calls.
    """

    body: dict[str, Any]
    beta: str = ""
    sample: Any = None


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def demo(self) -> bool:
        """True: nothing is asked of a model, and every answer says so."""

    def stream(self, call: ModelCall) -> AsyncGenerator[bytes]: ...

    async def complete(self, call: ModelCall) -> bytes: ...

    async def count_tokens(self, call: ModelCall) -> int:
        """Tokens of the call's input."""

    async def close(self) -> None:
        """Give back what this event loop holds."""


class ProviderError(Exception):
    """`kind` is the error's type in Anthropic's words."""

    code = "provider_error"
    kind = "api_error"
    limits: Sequence[Limit] = ()
    """Of whoever asked, as they stand after it."""


class ProviderBusy(ProviderError):
    """It has no room for us now; nothing was delivered."""

    code = "provider_busy"
    kind = "overloaded_error"


class ProviderRejected(ProviderError):
    """It will not do what the client asks, and says why: the client's mistake, with the provider's status and words."""

    code = "provider_rejected"

    def __init__(self, message: str, *, status: int, kind: str) -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


class ProviderBroken(ProviderError):
    """It failed, before the first byte or half-way."""

    code = "provider_broken"


class ProviderMisconfigured(ProviderBroken):
    """It does not accept this server's key or account, which is the operator's to mend."""

    code = "provider_misconfigured"


class NobodyListened(ProviderError):
    """The answer was ended because whoever asked had gone: no fault of the provider's."""

    code = "nobody_listened"


class ProviderTimeout(ProviderBroken):
    code = "provider_timeout"
    kind = "timeout_error"
