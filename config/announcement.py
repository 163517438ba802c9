"""What `make run` tells, on the terminal and in files, and the secrets among it: made once and kept."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

CONSOLE_EMAIL = "admin@example.com"


@dataclass(frozen=True)
class Secrets:
    secret_key: str
    console_password: str
    api_key: str


# On the terminal


def announce(url: str, kept: Secrets, *, logs: Path, mail: Path | None) -> None:
    provider = "Anthropic" if os.environ.get("ANTHROPIC_API_KEY") else "demo (made-up answers: no ANTHROPIC_API_KEY)"
    print(
        f"""
Stipend is running. Ctrl-C stops it.

  Address    {url}
  API        {url}/api/docs
  Console    {url}/admin/   {CONSOLE_EMAIL} / {kept.console_password}
  API key    {kept.api_key}
  Answers    {provider}
  Mail       {f"{shortest(mail)}/" if mail else "sent to EMAIL_URL"}
  Logs       {shortest(logs)}/

Try it:

  curl -N {url}/v1/messages -H "x-api-key: {kept.api_key}" \\
    -H "anthropic-version: 2026-10-21" -H "content-type: application/json" \\
    -d '{{"model":"claude-sonnet-5-5","max_tokens":200,"stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'
""",
        flush=True,
    )


def shortest(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


# In files


def started(url: str, kept: Secrets, pids: Mapping[str, int]) -> str:
    """The text of started.json."""
    found = {
        "url": url,
        "api_key": kept.api_key,
        "console": {"email": CONSOLE_EMAIL, "password": kept.console_password},
        "pids": pids,
    }
    return json.dumps(found, indent=2)


def as_env_file(environment: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in environment.items())


def kept_secrets(path: Path) -> Secrets:
    if path.exists():
        return Secrets(**json.loads(path.read_text()))
    made = Secrets(
        secret_key=secrets.token_urlsafe(48),
        console_password=secrets.token_urlsafe(12),
        api_key=f"sk-stipend-{secrets.token_urlsafe(32)}",
    )
    write_private(path, json.dumps(asdict(made), indent=2))
    return made


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """The file exists as long as the block lasts."""
    write_private(path, text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and for our eyes only."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    fresh.replace(path)
