"""Mistakes in the arguments of `snakemake` get a message that says what to write instead."""

from types import SimpleNamespace

import pytest
from fixtures import REPOSITORY

from fmstudy.workflow import arguments

DEFAULT = str(REPOSITORY / "config/config.yaml")


def check(*words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        arguments.check(words)
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "--config data:train_samples=5000",
            "write a group as --config 'data={train_samples: 5000}'",
        ),
        ("-n --config data.timeout=3", "--config 'data={timeout: 3}'"),
        ("--config a.b:c=", "--config 'a={b: {c: }}'"),
        ("-C title=x seeds", "--config: seeds is not of the form key=value"),
        ("--config title=x report", "--config: report is not of the form key=value"),
        ("--config =1", "--config: there is no key before =1"),
        ("--config 2nd=1", "--config: 2nd is not a key of the configuration"),
        ("--configfile config/quick.yaml report/quick.html", "report/quick.html is not a configur"),
        ("--configfiles none.yaml", "none.yaml: cannot be read: No such file"),
        ("--configfile=none.json", "none.json: cannot be read: No such file"),
    ],
)
def test_mistake_on_the_command_line_is_refused_with_what_to_write(words, said, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    assert said in check(*words.split())


@pytest.mark.parametrize(
    "words",
    [
        "",
        "report/quick.html --configfile config/quick.yaml --cores 2",
        "--configfile config/quick.yaml config/full.yaml --config seeds=[1] title=a=b -n",
        "-n --quiet rules -c2 --config data={timeout:3} -- sweep_width",
    ],
)
def test_what_snakemake_understands_is_left_to_it(words, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    arguments.check(words.split())


def rule(name: str, *files: object, wildcards: bool = False) -> SimpleNamespace:
    return SimpleNamespace(
        name=name, input=files, output=files[:1], has_wildcards=lambda: wildcards
    )


RULES = [
    rule("sweep_width", "results/figures/curves_A.svg", lambda wildcards: "function"),
    rule("train_lowlevel", "results/runs/{run}/metrics.json", wildcards=True),
    rule("render_report", "report/final.html"),
]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("sweep_widht", 'sweep_widht: there is no such target. Did you mean "sweep_width"?'),
        ("report/finall.html", 'Did you mean "report/final.html"?'),
        ("results/figures/curve_A.svg", 'Did you mean "results/figures/curves_A.svg"?'),
        ("train_lowlevl", "such target.\n"),
        ("report\x1b", "report\\x1b: there is no such target"),
        ("report/quick.html", f"--configfile {REPOSITORY}/config/quick.yaml"),
        ("report/quick.pdf", f"--configfile {REPOSITORY}/config/quick.yaml"),
        ("report/full-playground.html", f"--configfile {REPOSITORY}/config/full.yaml"),
        ("report/digits.html", f"--configfile {REPOSITORY}/config/studies/digits/config.yaml"),
        ("results/digits/a.csv", f"--configfile {REPOSITORY}/config/studies/digits/config.yaml"),
        ("results/quick/tables/runs.csv", f"--configfile {REPOSITORY}/config/quick.yaml"),
    ],
)
def test_unknown_target_gets_a_hint(target, said):
    assert said in arguments.explain_target(target, RULES, DEFAULT)


def test_target_of_the_default_configuration_needs_no_option():
    said = arguments.explain_target("report/final.html", [], DEFAULT)
    assert said.endswith("\n    snakemake --cores 2 report/final.html")
