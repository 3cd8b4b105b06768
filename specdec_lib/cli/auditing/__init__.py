"""``specdec audit`` at work: what was asked for, the engines by their names, and three ways to ask them."""

from specdec_lib.cli.auditing.order import AuditOrder
from specdec_lib.cli.auditing.ways import run_audit

__all__ = ["AuditOrder", "run_audit"]
