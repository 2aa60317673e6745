"""`AdminClient` for plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from roost.client.admin.client import AdminClient

T = TypeVar("T")
P = ParamSpec("P")


def _waits(
    method: Callable[Concatenate[AdminClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[BlockingAdminClient, P], T]:
    """The same, returning when it is done."""

    @wraps(method)
    def call(self: BlockingAdminClient, /, *arguments: P.args, **options: P.kwargs) -> T:
        return self.wait(method(self.client, *arguments, **options))

    return call


def _walks(
    method: Callable[Concatenate[AdminClient, P], AsyncIterator[T]],
) -> Callable[Concatenate[BlockingAdminClient, P], Iterator[T]]:
    """The same, one after the other."""

    @wraps(method)
    def walk(self: BlockingAdminClient, /, *arguments: P.args, **options: P.kwargs) -> Iterator[T]:
        source = method(self.client, *arguments, **options)
        while True:
            try:
                yield self.wait(_next(source))
            except StopAsyncIteration:
                return

    return walk


async def _next(source: AsyncIterator[T]) -> T:
    return await anext(source)


class BlockingAdminClient:
    """An `AdminClient` for plain functions; takes what that takes. For one thread, without a running event loop."""

    def __init__(self, url: str, *, key: str) -> None:
        self._runner = asyncio.Runner()
        self.client = AdminClient(url, key=key)

    def __enter__(self) -> Self:
        """Nothing is asked yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends its connections."""
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self.wait(self.client.close())
        self._runner.close()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for a coroutine of `client`."""
        return self._runner.run(work)

    create_user = _waits(AdminClient.create_user)
    user = _waits(AdminClient.user)
    users = _walks(AdminClient.users)
    update_user = _waits(AdminClient.update_user)
    deactivate = _waits(AdminClient.deactivate)
    reactivate = _waits(AdminClient.reactivate)
    set_password = _waits(AdminClient.set_password)
    devices = _waits(AdminClient.devices)
    create_token = _waits(AdminClient.create_token)
    revoke_tokens = _waits(AdminClient.revoke_tokens)
    export = _walks(AdminClient.export)
    erase = _waits(AdminClient.erase)
    erasure = _waits(AdminClient.erasure)
    create_group = _waits(AdminClient.create_group)
    group = _waits(AdminClient.group)
    update_group = _waits(AdminClient.update_group)
    dissolve_group = _waits(AdminClient.dissolve_group)
    transfer_group = _waits(AdminClient.transfer_group)
    members = _walks(AdminClient.members)
    add_members = _waits(AdminClient.add_members)
    remove_members = _waits(AdminClient.remove_members)
    set_member = _waits(AdminClient.set_member)
    send = _waits(AdminClient.send)
    recall = _waits(AdminClient.recall)
    put_stickers = _waits(AdminClient.put_stickers)
    remove_stickers = _waits(AdminClient.remove_stickers)
    reports = _walks(AdminClient.reports)
    close_report = _waits(AdminClient.close_report)
    metrics = _waits(AdminClient.metrics)
    audit = _walks(AdminClient.audit)
    stats = _waits(AdminClient.stats)
    behind = _waits(AdminClient.behind)
    create_key = _waits(AdminClient.create_key)
    keys = _waits(AdminClient.keys)
    revoke_key = _waits(AdminClient.revoke_key)
