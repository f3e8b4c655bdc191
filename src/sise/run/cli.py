"""The command ``sise``: one small file for each process, and one place where errors end.

Exit codes: 0 done, 1 failed, 2 bad usage. What a command needs is imported when it runs, so that
``sise --help`` answers at once.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import typer

from sise.model.errors import BadInput, SiseError
from sise.run import (
    backup,
    candles,
    collect,
    db,
    demo,
    etl,
    journal,
    lifetime,
    rehearse,
    retain,
    serve,
    simulate,
    slots,
)
from sise.run.options import JsonOption

EXIT_FAILED: Final = 1
EXIT_BAD_USAGE: Final = 2

cli = typer.Typer(
    name="sise",
    help="sise (시세): records what venues send, with proof of what was and was not heard.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.command()(demo.demo)
cli.command()(collect.collect)
cli.command()(serve.serve)
cli.command()(rehearse.rehearse)
cli.add_typer(simulate.app, name="simulate")
journal.app.command()(retain.retain)
cli.add_typer(journal.app, name="journal")
cli.add_typer(backup.app, name="backup")
cli.add_typer(db.app, name="db")
cli.add_typer(etl.app, name="etl")
cli.add_typer(candles.app, name="candles")
cli.add_typer(slots.app, name="slots")


@cli.command()
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    number = version_of("sise")
    typer.echo(json.dumps({"name": "sise", "version": number}) if as_json else f"sise {number}")


def main() -> None:
    """Run the command line; every error leaves as one masked sentence, ours as a masked traceback."""
    lifetime.end_with_parent()
    try:
        cli(prog_name="sise")
    except BadInput as error:
        _fail(error, EXIT_BAD_USAGE)
    except SiseError as error:
        _fail(error, EXIT_FAILED)
    except Exception as error:
        _fail_loudly(error)


def _fail(error: Exception, code: int) -> None:
    from sise.run import redact

    typer.echo(f"sise: {redact.mask(str(error))}", err=True)
    sys.exit(code)


def _fail_loudly(error: Exception) -> None:
    from sise.run import logs

    logs.print_masked(error)
    typer.echo("sise: this is a fault of sise itself; please report the lines above", err=True)
    sys.exit(EXIT_FAILED)
