"""Accounts, users, roles, access keys and tokens.

Accounts come from the configuration (`accounts`); the others are kept in the coordination store,
which every process and node follows (`directory`). `tokens` verifies and issues JSON Web Tokens.
"""
