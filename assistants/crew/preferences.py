"""The `Prefer` header of RFC 7240, as far as it is about waiting."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Preference:
    """Seconds to `wait` for the result; 0: it is not waited for."""

    wait: float
    is_named: bool = False

    @classmethod
    def of(cls, header: str) -> Preference:
        """Of several that contradict each other the first counts; what is not known is ignored, as the RFC wants."""
        for written in header.split(","):
            name, _, value = written.split(";")[0].strip().lower().partition("=")
            if name == "respond-async":
                return cls(0, is_named=True)
            seconds = value.strip(' "')
            if name == "wait" and seconds.isdecimal():
                return cls(min(int(seconds[:6]), settings.LONGEST_WAIT_SECONDS), is_named=True)
        return cls(settings.LONGEST_WAIT_SECONDS)

    def applied(self) -> dict[str, str]:
        """The header that says which was heeded; none where none was named."""
        if not self.is_named:
            return {}
        return {"Preference-Applied": f"wait={self.wait:.0f}" if self.wait else "respond-async"}
