"""Alpaca's paper service behind our ports: the only package that imports alpaca-py."""
