"""One process of a benchmark: it does what it is asked, one line of JSON for one line of JSON.

    python worker.py

    {"do": "start", "key": "A", "contestant": "pytorch", "problem": {...}, "count": 4}
    {"do": "round", "key": "A", "units": 5}

`start` tries every form that the contestant has, gives the losses of each from the problem's
initial weights on, and keeps the fastest form; `round` goes on training in that form and gives
its seconds.  The process is expected to be started with one thread and on one core.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.contestants import CONTESTANTS, Course, Form
from benchmarks.problem import Problem
from fmstudy import runtime

TRIED_SECONDS = 1.0  # so long each form is tried, or one unit if that takes longer


def clocked(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock, and seconds of the processor, that some work takes."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def try_form(form: Form, problem: Problem, count: int) -> tuple[Course, list[float], float]:
    """A course that has been through `count` epochs, their losses, and its seconds a unit."""
    course = form(problem)
    losses = course.run(1, count)
    best, spent = float("inf"), 0.0
    while spent < TRIED_SECONDS:
        seconds, _ = clocked(lambda: course.run(count + 1, 1))
        best, spent = min(best, seconds), spent + seconds
    return course, losses, best


def start(contestant: str, problem: Problem, count: int) -> tuple[Course, dict[str, Any]]:
    """The course of the contestant's fastest form, and what to tell of it.

    A form that fails is told with its reason; raises RuntimeError if all of them do.
    """
    it = CONTESTANTS[contestant]
    try:
        module = importlib.import_module(f"benchmarks.contestants.{it.module}")
    except ImportError as error:
        raise NotImplementedError(f"{it.title} cannot be imported ({error})") from None
    kept, forms, losses = None, {}, {}
    for name, form in module.forms(problem).items():
        try:
            course, losses[name], forms[name] = try_form(form, problem, count)
        except Exception as error:  # a compiler that is missing, or too little memory
            traceback.print_exc()
            forms[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[:1]}"
            continue
        if kept is None or forms[name] < forms[kept[0]]:
            kept = name, course
    if kept is None:
        raise RuntimeError("; ".join(f"{name}: {reason}" for name, reason in forms.items()))
    name, course = kept
    told = {
        "form": name,
        "forms": forms,
        "losses": losses,
        "versions": runtime.versions(it.packages),
    }
    told["needed"] = getattr(course, "needed", problem.arithmetic)
    return course, told


def answer(request: dict[str, Any], courses: dict[str, Course]) -> dict[str, Any]:
    """Do what a request asks for; `courses` are those that run in this process, by key."""
    if request["do"] == "start":
        problem = Problem.from_dict(request["problem"])
        courses[request["key"]], told = start(request["contestant"], problem, request["count"])
        return told
    course, units = courses[request["key"]], request["units"]
    seconds, cpu = clocked(lambda: course.run(1, units))
    return {"clock": seconds, "processor": cpu}


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand between the answers
    courses: dict[str, Course] = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), courses)
        except NotImplementedError as error:
            reply = {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
