"""Accounts, users, roles, access keys and tokens.

Accounts come from the configuration (`accounts`); users, roles and keys are kept in the
coordination store, and every process and node follows its changes (`directory`). `tokens` verifies
and issues JSON Web Tokens.
"""
