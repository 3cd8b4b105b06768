"""Asking one server over HTTP: one address, bounds on bytes and time, one line for whatever goes wrong."""
