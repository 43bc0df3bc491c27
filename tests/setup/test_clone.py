"""A clone has the same bytes on every system, whatever Git is told about line ends."""

import shutil
from pathlib import Path

from fixtures import REPOSITORY, run_command
from fixtures.workflow import copy_repository

# Bytes of a binary file that Git would take for text by itself.
LIKE_TEXT = b"%PDF-1.4\r\ntext\n"


def git(directory: Path, *arguments: object) -> str:
    """Run Git with its own configuration only; it must succeed."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.safecrlf=false")
    own = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    path = {"PATH": str(Path(shutil.which("git") or "").parent)}
    done = run_command("git", *identity, *arguments, cwd=directory, env=own | path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_below(directory: Path) -> dict[Path, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    files = {path.relative_to(directory): path.read_bytes() for path in found}
    return {path: content for path, content in files.items() if path.parts[0] != ".git"}


def test_a_clone_with_line_ends_of_windows_has_the_same_bytes(tmp_path: Path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    copy_repository(origin)
    for name in (".gitattributes", "Makefile", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, origin)
    for suffix in ("npz", "npy", "pdf", "png", "ttf"):
        (origin / f"binary.{suffix}").write_bytes(LIKE_TEXT)
    edited = origin / "edited-on-windows.yaml"
    edited.write_bytes(b"seeds: [1]\r\n")
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "All files")
    git(tmp_path, "-c", "core.autocrlf=true", "clone", "--quiet", origin, clone)
    expected = files_below(origin) | {Path(edited.name): b"seeds: [1]\n"}
    assert files_below(clone) == expected
    assert git(clone, "-c", "core.autocrlf=true", "status", "--porcelain") == ""
    for script in clone.glob("scripts/*.sh"):
        assert run_command("sh", "-n", script).stderr == ""
