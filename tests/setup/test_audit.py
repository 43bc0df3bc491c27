"""The audit of the packages tells what is wrong from what it could not find out."""

import json
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest

import audit_packages

ANSWER = {"name": "tiny", "version": "1.0", "vulns": []}
VULNERABLE = ANSWER | {"vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "tiny", "skip_reason": "not found"}
LOCK = f"tiny==1.0 \\\n    --hash=sha256:{'0' * 64}\nother==1 ; python_version < '3'\n"
LOCK = LOCK.replace("< '3'\n", f"< '3' --hash=sha256:{'0' * 64}\n    # via tiny\n")


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Audits an environment with one package; gives the exit code."""

    def run(
        answer: object = (ANSWER,),
        lock: str = LOCK,
        version: str = "1.0",
        license: tuple[str, str] = ("License-Expression", "MIT"),
    ) -> int:
        metadata = Message()
        metadata[license[0]] = license[1]
        tiny = SimpleNamespace(name="tiny", version=version, metadata=metadata, files=())
        monkeypatch.setattr(audit_packages, "distributions", lambda: [tiny])
        (tmp_path / "lock.txt").write_text(lock, encoding="utf-8")
        program = tmp_path / "pip-audit"
        text = json.dumps({"dependencies": answer}) if isinstance(answer, tuple) else answer
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
        return audit_packages.main(str(program), str(tmp_path / "lock.txt"))

    return run


@pytest.mark.parametrize(
    ("case", "code", "words"),
    [
        ({}, 0, "vulnerabilities checked online"),
        ({"answer": (VULNERABLE,)}, 1, "tiny 1.0 has the known vulnerability CVE-1; fixed in 1.1"),
        ({"answer": (UNKNOWN,)}, 3, "Vulnerabilities not checked: tiny: not found"),
        ({"answer": "no network"}, 3, "Vulnerabilities not checked: all of "),
        ({"answer": "no network", "version": "0.9"}, 1, "tiny: 0.9 is installed, 1.0 is locked"),
        ({"lock": "tiny==1.0\n"}, 1, "tiny has no hash"),
        ({"lock": ""}, 1, "names no package"),
        ({"license": ("License-Expression", "AGPL-3.0")}, 1, "its license is AGPL-3.0"),
        ({"license": ("License-Expression", "MIT AND SSPL-1.0")}, 1, "MIT AND SSPL-1.0"),
        ({"license": ("License-Expression", "MIT OR GPL-3.0")}, 0, "checked offline"),
        ({"license": ("Classifier", "License :: OSI Approved :: BSD License")}, 0, "offline"),
        ({"license": ("License", "BSD-3-Clause")}, 0, "offline"),
        ({"license": ("License", "")}, 1, "its license is unknown"),
    ],
)
def test_the_exit_code_tells_what_is_wrong_from_what_is_unknown(
    audit, capsys: pytest.CaptureFixture[str], case: dict, code: int, words: str
):
    assert audit(**case) == code
    assert words in capsys.readouterr().out


def test_a_missing_program_is_no_finding(audit, tmp_path: Path):
    audit()
    assert audit_packages.main(str(tmp_path / "none"), str(tmp_path / "lock.txt")) == 3
