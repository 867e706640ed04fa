"""Tells ``twistd`` and ``twist`` of the subcommand ``txami``; nothing of the package is imported before it is used."""

from twisted.application.service import ServiceMaker

txami = ServiceMaker(
    "txami", "txami.tap", "Asterisk's manager interface: your handlers, or every event as a line of JSON.", "txami"
)
