"""Folders that another account can reach, and that nobody but us has made.

PostgreSQL refuses to be root, so where we are root the services are somebody else: `nobody`.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Others write to these too: what we find there must be ours, see `own_folder`.
LASTING, SHORT = Path("/var/tmp"), Path("/tmp")  # noqa: S108
SOCKET_PATH_LIMIT = 100  # The kernel's is 108 bytes on Linux, 104 on macOS.


class EmbeddedError(Exception):
    """The services cannot be had; the text says why and what to do."""


class AlreadyRunning(EmbeddedError):
    """Another process holds this folder."""


@dataclass(frozen=True)
class Account:
    """Whom a service runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where a pair of services lives, and as whom."""

    account: Account
    data: Path
    sockets: Path
    logs: Path

    def log_of(self, service: str) -> Path:
        return self.logs / f"{service}.log"


def service_account() -> Account:
    """Ourselves, except that PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as exc:
        raise EmbeddedError("PostgreSQL does not run as root, and this machine has no account `nobody`.") from exc
    return Account(nobody.pw_uid, nobody.pw_gid)


# Ours


def private_folder(folder: Path) -> None:
    """Make what is missing of it, closed to others; root's can be passed through, because the services are not root."""
    if not folder.exists():
        private_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def own_folder(path: Path, *, mode: int, account: Account | None = None) -> Path:
    """A folder in a place others can write to, made or found again. Raises where somebody else made it."""
    owner = account or Account(os.geteuid(), os.getegid())
    if not os.path.lexists(path):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), owner.uid) or found.st_mode & 0o022:
        raise EmbeddedError(f"{path} is not ours. Look at it, and remove it.")
    os.chown(path, owner.uid, owner.gid)
    path.chmod(mode)
    return path


def fresh_folder(path: Path, account: Account) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    os.chown(path, account.uid, account.gid)
    return path


@contextmanager
def locked(path: Path, complaint: str, *, note: str = "") -> Iterator[None]:
    """Hold the file for this process alone. Raises `AlreadyRunning` with the complaint and the holder's note."""
    with path.open("a+") as file:
        path.chmod(0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            file.seek(0)
            raise AlreadyRunning(f"{complaint} {file.read()}".strip()) from exc
        file.truncate(0)
        file.write(note)
        file.flush()
        yield


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def unique_name(folder: Path) -> str:
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
    return f"stipend-{os.geteuid()}-{digest[:12]}"


# Within another's reach


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account can pass through every folder down to and including `path`."""
    if account.uid == os.geteuid():
        return True
    path = path.resolve()
    return all(may_pass(step.stat(), account) for step in (path, *path.parents))


def may_pass(found: os.stat_result, account: Account) -> bool:
    bit = stat.S_IXUSR if found.st_uid == account.uid else stat.S_IXOTH
    return bool(found.st_mode & bit)


def reachable_data(folder: Path, account: Account) -> Path:
    if can_reach(folder, account):
        return folder
    elsewhere = own_folder(LASTING / unique_name(folder), mode=0o711)
    pointer = folder / "elsewhere"
    if not pointer.is_symlink():  # Then `folder` was removed, and what it kept here goes after it.
        shutil.rmtree(elsewhere)
        own_folder(elsewhere, mode=0o711)
        pointer.symlink_to(elsewhere)
    return elsewhere


def socket_folder(folder: Path, account: Account) -> Path:
    """A short path, because the kernel cuts the addresses of sockets off."""
    for base in (Path(tempfile.gettempdir()), SHORT):
        path = base / unique_name(folder)
        if len(os.fsencode(path / ".s.PGSQL.65535.lock")) < SOCKET_PATH_LIMIT and can_reach(base, account):
            return own_folder(path, mode=0o700, account=account)
    raise EmbeddedError(f"No folder for sockets: neither {tempfile.gettempdir()} nor {SHORT} will do.")
