"""The tests of txami."""
