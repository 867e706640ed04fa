"""The methods of :class:`~txami.IAMI` that return a Deferred, as methods that wait for it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..interfaces import IAMI
from ..service import AMIService

if TYPE_CHECKING:
    from .client import BlockingAMI

ClientT = TypeVar("ClientT", bound=type)


def with_waiting_methods(client: ClientT) -> ClientT:
    """Give a class all methods of the interface that it has not, as methods that wait."""
    for name in IAMI.names():
        if not hasattr(client, name):
            setattr(client, name, _waiting(name))
    return client


def _waiting(name: str) -> Callable[..., Any]:
    original = getattr(AMIService, name)
    signature = inspect.signature(original)
    has_timeout = "timeout" in signature.parameters

    @functools.wraps(original)
    def method(self: BlockingAMI, *args: Any, **keywords: Any) -> Any:
        # A timeout of the method's own is for each action that it sends.
        limit = None if has_timeout else keywords.pop("timeout", None)
        return self.run(lambda ami: getattr(ami, name)(*args, **keywords), limit, what=name)

    parameters = list(signature.parameters.values())
    if not has_timeout:
        parameters.append(
            inspect.Parameter("timeout", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="float | None")
        )
    returned = str(signature.return_annotation).removeprefix("Deferred[").removesuffix("]")
    del method.__wrapped__
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=returned
    )
    method.__doc__ = (
        f"Wait for what :meth:`txami.AMIService.{name}` fires with; ``timeout`` is in seconds.\n\n"
        f"{inspect.cleandoc(original.__doc__ or '')}"
    )
    return method
