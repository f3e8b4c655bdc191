"""``kis_devlp.yaml``: the file that users of KIS's own samples already have, read as it is.

Values are taken as text whatever they look like: an account number with a leading zero is no
octal number. Keys of the file that we do not need (``my_token``, ``my_agent``, futures) are passed over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from sise.model.errors import BadInput
from sise.providers.address import checked as checked_address
from sise.providers.kis.keys import KisKeys, Secret, checked

FILE_BYTES_MAX: Final = 64 * 1024

_REMEDY: Final = 'write it as KIS\'s own sample kis_devlp.yaml: `my_app: "…"`, one value a line'


class KisConfig:
    """What the file holds: the keys of one market, and addresses where it names any."""

    def __init__(self, keys: KisKeys, rest_url: str | None, ws_url: str | None) -> None:
        self.keys = keys
        self.rest_url = rest_url
        self.ws_url = ws_url


def read_config(path: Path, *, mock: bool = False) -> KisConfig:
    """The keys of ``path``: ``my_app my_sec`` of the real market, ``paper_app paper_sec`` of the mock one.

    Parameters
    ----------
    mock
        True for the mock market (모의투자).

    Raises
    ------
    BadInput
        The file is missing, too large or no YAML, or a key in it cannot be used; values are not shown.
    """
    values = _values(path)
    which = ("paper_app", "paper_sec", "my_paper_stock") if mock else ("my_app", "my_sec", "my_acct_stock")
    app, secret, account = which
    rest, ws = (values.get(name) for name in (("vps", "vops") if mock else ("prod", "ops")))
    keys = KisKeys(
        app_key=checked(app, values.get(app, "")),
        app_secret=checked(secret, values.get(secret, "")),
        mock=mock,
        hts_id=Secret(values.get("my_htsid", "")),
        account=Secret(values.get(account, "")),
        product=values.get("my_prod", "") or "01",
    )
    return KisConfig(
        keys,
        checked_address("prod" if not mock else "vps", rest, ("https", "http")) if rest else None,
        checked_address("ops" if not mock else "vops", ws, ("ws", "wss")) if ws else None,
    )


def _values(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadInput("kis_devlp.yaml", str(path), f"it cannot be read: {error.strerror}") from None
    if len(raw) > FILE_BYTES_MAX:
        raise BadInput("kis_devlp.yaml", str(path), f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        # The base loader makes texts, lists and mappings of texts, and no object of any kind.
        found = yaml.load(raw.decode("utf-8-sig"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):  # its words would repeat a secret
        raise BadInput("kis_devlp.yaml", str(path), _REMEDY) from None
    if not isinstance(found, dict):
        raise BadInput("kis_devlp.yaml", str(path), _REMEDY)
    return {name: value.strip() for name, value in found.items() if isinstance(value, str)}
