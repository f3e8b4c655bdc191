"""TLS: a client that checks certificates and host names is content, with the simulator's own CA file."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest

from sise.model.errors import BadInput
from sise.model.time import SystemClock
from sise.simulator.upbit.server import UpbitSimulator, UpbitSimulatorConfig
from tests.simulator.upbit_bench import PushFeed, ScaledClock, bench, hear


async def test_https_and_wss_with_names_checked() -> None:
    feed = PushFeed()
    async with bench(feed, SystemClock(), tls=True) as here:
        addresses = here.addresses
        assert addresses.ca is not None
        assert addresses.rest.startswith("https://")
        assert addresses.ws.startswith("wss://")
        trusted = ssl.create_default_context(cafile=addresses.ca)
        for host in ("127.0.0.1", "localhost"):
            url = addresses.rest.replace("127.0.0.1", host)
            async with here.http.get(f"{url}/v1/market/all", ssl=trusted) as response:
                assert response.status == 200
        socket = await here.connect(ssl=trusted)
        await socket.send_str('[{"ticket":"t"},{"type":"trade","codes":["KRW-BTC"],"isOnlyRealtime":true}]')
        await here.active(1)
        feed.push_trade(1)
        assert (await hear(socket))["type"] == "trade"
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await here.get("/v1/market/all")
        path = Path(addresses.ca)
        assert path.exists()
    assert not path.exists()


async def test_a_taken_port_is_said_with_a_remedy() -> None:
    async with bench() as here:
        port = int(here.addresses.rest.rpartition(":")[2])
        second = UpbitSimulator(UpbitSimulatorConfig(port=port), PushFeed(), ScaledClock())
        with pytest.raises(BadInput, match="choose others or 0"):
            await second.start()
