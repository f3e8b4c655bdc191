"""``sise slots``: the operator's word to a running collector: who has a slot, who must, and who never may."""

from __future__ import annotations

import getpass
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sise.model.errors import BadInput, SiseError
from sise.run.lifetime import begin
from sise.run.options import JsonOption

if TYPE_CHECKING:
    from sise.run.settings import Settings

ANSWER_SECONDS: Final = 60.0
"""A symbol that the collector does not know is looked up at the provider."""
WORDS: Final = {
    "pin": "Give SYMBOL a slot, and keep it, also after a restart.",
    "unpin": "Take a pin back: from then on SYMBOL competes like all others.",
    "exclude": "Take SYMBOL's slot away, and give it none, also after a restart.",
    "allow": "Take an exclusion back.",
}

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

SymbolArgument = Annotated[str, typer.Argument(help="As the provider writes it: 005930 or KRW-BTC.")]
ProviderOption = Annotated[str, typer.Option(help="Whose collector: upbit or kis.")]
WhyOption = Annotated[str, typer.Option(help="For whoever reads the journal later.")]


@app.callback()
def slots() -> None:
    """Who has a slot of a running collector: show it, and say who must have one or never may."""


def _command(action: str) -> Callable[..., None]:
    def say(
        symbol: SymbolArgument,
        provider: ProviderOption = "upbit",
        why: WhyOption = "",
        as_json: JsonOption = False,
    ) -> None:
        word = {"symbol": symbol.strip().upper(), "action": action, "by": _who(), "why": why}
        standing = _ask(begin(), provider, "/slots", word)
        typer.echo(json.dumps(standing, ensure_ascii=False) if as_json else _standing(standing))

    return say


for _action, _what in WORDS.items():
    app.command(_action, help=_what)(_command(_action))


@app.command()
def show(provider: ProviderOption = "upbit", as_json: JsonOption = False) -> None:
    """Who has a slot now, since when and why; who is pinned, and who is excluded."""
    status = _ask(begin(), provider, "/status", None)
    facts = {name: status[name] for name in ("slots", "pins", "excluded")}
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        _print_slots(facts)


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return ""


def _ask(settings: Settings, provider: str, path: str, word: dict[str, str] | None) -> dict[str, Any]:
    from sise.run.collector_address import HEADER, stated_url

    request = urllib.request.Request(
        stated_url(settings.data_dir, provider) + path,
        None if word is None else json.dumps(word).encode(),
        {HEADER: "1", "Content-Type": "application/json"},
    )
    # Never through a proxy of the environment: the collector is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(error.code, error.read()) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise SiseError(f"the collector of {provider} does not answer: {reason}") from None


def _refused(status: int, body: bytes) -> SiseError:
    try:
        said = json.loads(body)
        if "field" in said:
            return BadInput(said["field"], said["value"], said["remedy"])
        return SiseError(str(said["error"]))
    except (ValueError, KeyError, TypeError):
        return SiseError(f"the collector answered HTTP {status}")


def _standing(facts: dict[str, Any]) -> str:
    return "\n".join(
        f"{name:9}{', '.join(facts[key]) or '(none)'}"
        for name, key in (("pinned", "pins"), ("excluded", "excluded"))
    )


def _print_slots(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    held = facts["slots"]["held"]
    table = Table(title=f"{len(held)} of {facts['slots']['limit']} slots", title_justify="left")
    for column in ("symbol", "name", "since", "trigger", "score", "recorded"):
        table.add_column(column)
    for each in held:
        rate, score = each.get("record_rate"), each.get("score")
        table.add_row(
            each["symbol"],
            each["name_ko"],
            each.get("since", ""),
            each.get("trigger", "") + (" (leaving)" if each.get("leaving") else ""),
            "" if score is None else f"{score:.2f}",
            "not known" if rate is None else f"{rate:.1%}",
        )
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(_standing(facts))
