"""What the simulators of all providers share: to start and stop, and to begin and end faults."""

from __future__ import annotations

import contextlib
import logging
from abc import ABC, abstractmethod
from typing import Final, Generic, Protocol, TypeVar

from sise.model.errors import BadInput
from sise.simulator.faults import Fault, FaultBoard
from sise.simulator.listening import Listening

log: Final = logging.getLogger(__name__)

AddressesT = TypeVar("AddressesT")


class Lines(Protocol):
    """The WebSocket lines of a simulator."""

    def cut_all(self) -> None: ...

    def tick(self) -> None: ...


class LoopbackSimulator(ABC, Generic[AddressesT]):
    """A server; :meth:`start` and :meth:`stop` it within one event loop. A subclass builds its parts."""

    _board: FaultBoard
    _sockets: Lines
    _listening: Listening

    def __init__(self, host: str, port: int, control_port: int) -> None:
        self._ports = f"{host}:{port}, control {control_port}"
        self._done = contextlib.AsyncExitStack()

    async def start(self) -> AddressesT:
        """Listen, and let the market run (a replay waits for its first subscriber).

        Raises
        ------
        BadInput
            A port is taken or the host is no address of this machine.
        """
        try:
            return await self._start()
        except BaseException as error:
            await self.stop()
            if not isinstance(error, OSError):
                raise
            raise BadInput("host and port", self._ports, f"choose others or 0 ({error.strerror})") from error

    async def stop(self) -> None:
        """Stop listening and cut every line."""
        await self._done.aclose()

    async def begin(self, fault: Fault) -> int:
        """Begin ``fault`` now; what it cuts is cut when this returns."""
        number = self._board.begin(fault)
        self._begun(fault)
        if fault.kind == "unplug" or (fault.kind == "drop" and fault.target != "rest" and not fault.count):
            self._sockets.cut_all()
        self._sockets.tick()
        await self._listening.obey_faults()
        return number

    async def end(self, kind: str | None = None) -> int:
        """End faults, and listen again if they had stopped that."""
        ended = self._board.end(kind)
        await self._listening.obey_faults()
        return ended

    @abstractmethod
    async def _start(self) -> AddressesT:
        """Open everything; what is to be closed goes into ``_done``."""

    def _begun(self, fault: Fault) -> None:
        """A fault of the provider's own has begun."""

    async def _begin_planned(self, fault: Fault) -> None:
        try:
            await self.begin(fault)
        except BadInput as error:
            log.warning("a planned fault was left out: %s", error)
