"""AuthN: AIStore's server of users and tokens, on this server's own port.

The directory holds users, roles and the clusters that AuthN knows; only administrators change them.
Shapes and statuses are those by which AIStore's clients choose their exceptions.
"""
