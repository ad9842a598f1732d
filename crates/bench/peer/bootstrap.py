"""Starts AWS's own Python runtime for the handler, as a container image's entry point does."""

import sys

from awslambdaric.__main__ import main

main([sys.argv[0], "handler.handle"])
