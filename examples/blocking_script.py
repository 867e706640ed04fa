"""
A script without a reactor: ask a thousand things at once, then watch events for a while.

    TXAMI_SECRET=... python blocking_script.py pbx.example.com admin 10
"""

from __future__ import annotations

import getpass
import os
import sys
import time

import txami
import txami.blocking


def main(host: str, username: str, seconds: str = "10") -> None:
    """Connect, ask, watch, log off."""
    secret = os.environ.get("TXAMI_SECRET") or getpass.getpass("Secret: ")
    with txami.blocking.connect(host, username, secret) as ami:
        print("Connected to", ami.banner)
        began = time.monotonic()
        handles = [ami.send_action("Ping") for _ in range(1000)]
        good = sum(map(ami.check_response, handles))
        print(f"{good} of {len(handles)} pings answered in {time.monotonic() - began:.1f} s")
        for channel in ami.action("CoreShowChannels").events:
            print(f"  {channel['Channel']}  {channel['ChannelStateDesc']}  {channel['Duration']}")
        watch(ami, time.monotonic() + float(seconds))


def watch(ami: txami.blocking.BlockingAMI, until: float) -> None:
    """Print events up to a time."""
    while (left := until - time.monotonic()) > 0:
        try:
            event = ami.get_event(left)
        except txami.EventTimeout:
            return
        print("*", event.name, event.get("Channel", ""))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except txami.AMIError as error:
        sys.exit(str(error))
