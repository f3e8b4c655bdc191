"""What ``sise etl`` prints: as JSON for programs, as lines for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import typer

if TYPE_CHECKING:
    from sise.warehouse.etl.verify import DayProof


def tell(proofs: list[DayProof], told: dict[str, Any], as_json: bool) -> None:
    """What was done and proven, as JSON or in lines. Exit code 1 where it does not hold."""
    ok = all(proof.ok for proof in proofs) and told.get("rebuilt_ok", True)
    tables = _together(proofs)
    if as_json:
        typer.echo(msgspec.json.encode({"ok": ok, "tables": tables, **told}))
    else:
        _print(tables, told, ok)
    if not ok:
        raise typer.Exit(1)


def _together(proofs: list[DayProof]) -> dict[str, dict[str, Any]]:
    """The tables of all days and markets as one."""
    from sise.warehouse.etl.verify import one_hash

    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(name for proof in proofs for name in proof.tables):
        parts = [proof.tables[name] for proof in proofs]
        rejects: Counter[str] = Counter()
        for part in parts:
            rejects.update(part.rejects)
        found[name] = {
            "journal": sum(part.journal for part in parts),
            "rows": sum(part.rows for part in parts),
            "rejects": dict(rejects),
            "hash": one_hash(part.hash for part in parts),
            "ok": all(part.ok for part in parts),
            "differences": [text for part in parts for text in part.differences][:3],
        }
    return found


def _print(tables: dict[str, dict[str, Any]], told: dict[str, Any], ok: bool) -> None:
    for each in told.get("days", []):
        typer.echo(
            f"{each['day']}: {each['lines_read']:,} lines, {each['rows_changed']:,} rows new or changed, "
            f"{each['rows_same']:,} as they were, {each['rows_rejected']:,} rejected"
        )
    for name, proof in tables.items():
        rejected = ", ".join(f"{count} {reason}" for reason, count in proof["rejects"].items()) or "none"
        state = "ok" if proof["ok"] else "DIFFERS"
        typer.echo(
            f"{name:<16} {state:<8} journal {proof['journal']:>9,}  rows {proof['rows']:>9,}  "
            f"rejects {rejected}  {proof['hash'][:12]}"
        )
        for text in proof["differences"]:
            typer.echo(f"    {text}")
    for file in told.get("history", []):
        typer.echo(f"history: {file}")
    for each in told.get("retention", []):
        typer.echo(f"{each['table']} {each['month']}: {each['action']}, {each['reason']}")
    for name, one in told.get("rebuilt", {}).items():
        typer.echo(
            f"{name} rebuilt from nothing: {'equal' if one['ok'] else 'DIFFERS in ' + str(one['differ'])}"
        )
    if not tables and not told.get("days"):
        typer.echo("the journal had nothing new")
    if tables:
        typer.echo("everything is there" if ok else "something differs")
