"""Logs, access logs, audit log, metrics, and facts about the host."""
