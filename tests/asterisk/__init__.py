"""Tests against real Asterisk servers, and the laboratory that runs these."""
