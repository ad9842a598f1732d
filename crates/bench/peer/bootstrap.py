"""Starts AWS's Python runtime for the handler, like the entry point of a container image."""

import sys

from awslambdaric.__main__ import main

main([sys.argv[0], "handler.handle"])
