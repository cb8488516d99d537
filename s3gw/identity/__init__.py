"""Who there is besides the configured accounts: users, roles, access keys, revoked tokens.

They are kept in the coordination store, so that every process and node knows the same.
"""
