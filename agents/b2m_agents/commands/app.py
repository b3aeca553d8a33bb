"""The door: ``b2m-drive <verb>``. The table of all verbs, and what ends a command."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from typing import Annotated

import typer

from b2m_agents.commands.calibrate import calibrate
from b2m_agents.commands.collect import collect, export_minari
from b2m_agents.commands.compare_agents import compare_agents
from b2m_agents.commands.compare_driving import compare_driving
from b2m_agents.commands.compare_memory import compare_memory
from b2m_agents.commands.demo import demo
from b2m_agents.commands.evaluate_agent import evaluate_agent
from b2m_agents.commands.examples import with_examples
from b2m_agents.commands.fetch import fetch
from b2m_agents.commands.inspect_recording import inspect as inspect_recording
from b2m_agents.commands.record import record
from b2m_agents.commands.replay import replay
from b2m_agents.commands.report import report
from b2m_agents.commands.runs import runs
from b2m_agents.commands.search import search
from b2m_agents.commands.table import table
from b2m_agents.commands.train_agent import train_agent
from b2m_agents.commands.train_agents import train_agents
from b2m_drive.files.missing_packages import MissingPackageError, needing

FAULT = 70  # exit code of what nobody foresaw, as sysexits.h has it
DEBUG = "B2M_DEBUG"  # of the environment: shows tracebacks
_SECONDS_IN_A_LOG = "30"  # between two lines of a progress bar
_LONGEST = 300  # characters of an unforeseen error's own words
STOPPED = 130  # exit code after Ctrl-C, which Typer catches

app = typer.Typer(
    name="b2m-drive",
    help="Brain2Model transfer: does a brain teach a network anything that a shuffled brain "
    "does not? Start with [bold]b2m-drive demo[/bold].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
compare_app = typer.Typer(
    help="Compare taught students with students alone and with every control.",
    no_args_is_help=True,
)


@app.callback()
def options(
    anyway: Annotated[
        bool,
        typer.Option(
            "--resume-anyway",
            help="Go on with what other versions of b2m-drive, torch, ... began, whose numbers "
            "may differ. Before the command: b2m-drive --resume-anyway train-agent ...",
        ),
    ] = False,
) -> None:
    """Options of all commands."""
    from b2m_drive.files.provenance import resume_anyway

    resume_anyway(anyway)


def flowing(text: str) -> str:
    """A docstring whose paragraphs are one line each, for a terminal of any width to break."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _add(group: typer.Typer, name: str, verb: Callable[..., None], before: str = "") -> None:
    text = with_examples(flowing(verb.__doc__ or ""), f"{before}{name}")
    group.command(name, help=text)(verb)


_add(app, "demo", needing("demo", "agents")(demo))
_add(app, "fetch", fetch)
_add(app, "inspect", inspect_recording)
_add(app, "search", search)
_add(app, "calibrate", calibrate)
_add(app, "runs", runs)
_add(app, "report", report)
_add(app, "table", table)
_add(app, "collect", needing("collect", "envs")(collect))
_add(app, "export-minari", needing("export-minari", "minari")(export_minari))
_add(app, "train-agent", needing("train-agent", "agents")(train_agent))
_add(app, "train-agents", needing("train-agents", "agents")(train_agents))
_add(app, "evaluate-agent", needing("evaluate-agent", "agents")(evaluate_agent))
_add(app, "record", needing("record", "agents")(record))
_add(app, "replay", needing("replay", "agents")(replay))
_add(compare_app, "memory", compare_memory, "compare ")
_add(compare_app, "driving", needing("compare driving", "envs")(compare_driving), "compare ")
_add(compare_app, "agents", needing("compare agents", "agents")(compare_agents), "compare ")
app.add_typer(compare_app, name="compare")


def slow_bars_in_a_log() -> None:
    """Let progress bars write twice a minute where no terminal shows them, and not ten a second.

    They read these as they are imported, which is later; what the user has set stays.
    """
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", _SECONDS_IN_A_LOG)
        os.environ.setdefault("TQDM_MAXINTERVAL", _SECONDS_IN_A_LOG)


def main() -> None:
    """Run the command; a mistake, or what the system refuses, ends in one line of text."""
    slow_bars_in_a_log()
    try:
        app()
    except (ValueError, OSError, MemoryError, MissingPackageError) as error:
        _show_traceback()
        text = "expected more memory than there is" if isinstance(error, MemoryError) else error
        typer.echo(f"b2m-drive: {text}", err=True)
        raise SystemExit(2) from None
    except BrokenProcessPool:
        typer.echo(
            "b2m-drive: a worker process ended, killed or for want of memory; call it again to go "
            "on from here, perhaps with fewer --workers",
            err=True,
        )
        raise SystemExit(2) from None
    except SystemExit as end:
        if end.code == STOPPED:
            typer.echo("b2m-drive: stopped; call it again to go on from here", err=True)
        raise
    except Exception as error:  # nothing that was foreseen
        _show_traceback()
        what = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        typer.echo(
            f"b2m-drive: {' '.join(sys.argv[1:3])}: this is a fault of b2m-drive ({what}); "
            f"{DEBUG}=1 shows the traceback",
            err=True,
        )
        raise SystemExit(FAULT) from None
    except BaseException as error:  # pyo3's panic, of a library in Rust, is no Exception
        if type(error).__name__ != "PanicException":
            raise
        typer.echo(f"b2m-drive: this is a fault of a library ({error})", err=True)
        raise SystemExit(FAULT) from None


def _show_traceback() -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc()
