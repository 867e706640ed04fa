"""
StarPy's ``manager`` on top of txami: a program moves by changing one line.

::

    from txami.starpy import manager      # was: from starpy import manager

The names, the arguments and the shapes of the results are StarPy's; what connects, frames, waits and reconnects
is :class:`txami.AMIService`, which a program reaches as ``ami.service`` when it wants more.  ``docs/from_starpy.rst``
says what is better at once, and how each job is done without this package.

* ``manager``: :class:`~txami.starpy.manager.AMIFactory` and :class:`~txami.starpy.manager.AMIProtocol`;
* ``error``: :class:`~txami.starpy.error.AMICommandFailure`;
* ``exchange``: sending dictionaries and being handed dictionaries, which ``AMIProtocol`` begins with;
* ``actions``: a method for each action, on top of that;
* ``connection``: the service below one ``AMIFactory.login()``.
"""

from typing import Any, NoReturn

_OUT_OF_SCOPE = {
    "fastagi": "txami speaks AMI only, and FastAGI is a protocol of its own: keep StarPy for it, or drive the call "
    "over this very connection with AGI(agi:async), see docs/asyncagi.rst",
    "menu": "StarPy's menus are made of FastAGI, which txami does not speak: see docs/asyncagi.rst",
}


def __getattr__(name: str) -> NoReturn:
    """Tell those who ask for the other half of StarPy where to go."""
    if name in _OUT_OF_SCOPE:
        raise ImportError(f"txami.starpy has no {name!r}: {_OUT_OF_SCOPE[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[Any]:
    return ["error", "manager"]
